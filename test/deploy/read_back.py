"""Reads every resource of the deployed stacks back by its service's own API and compares it with its template.

read_back.py FOLDER_OF_TEMPLATES: prints JSON: how many resources, and as differences a list of {id, type, property, wanted, found}. References to other
resources are resolved by what
CloudFormation says they became; attributes of others (Fn::GetAtt but Arn) are not compared.
"""

import glob
import json
import os
import sys

import boto3

UNKNOWN = object()


def client(name):
    return boto3.client(name)


def main(folder):
    cloudformation = client("cloudformation")
    exports = {each["Name"]: each["Value"] for page in cloudformation.get_paginator("list_exports").paginate() for each in page["Exports"]}
    differences, seen = [], 0
    for file in sorted(glob.glob(os.path.join(folder, "headgate-dev-*.template.json"))):
        stack = os.path.basename(file).removesuffix(".template.json")
        template = json.load(open(file, encoding="utf-8"))
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        physical = {each["LogicalResourceId"]: each["PhysicalResourceId"] for page in pages for each in page["StackResourceSummaries"]}
        for logical, resource in template["Resources"].items():
            seen += 1
            kind = resource["Type"]
            if logical not in physical:
                differences.append(difference(logical, kind, "", "made", "missing"))
                continue
            context = {"physical": physical, "exports": exports, "stack": stack, "resources": template["Resources"]}
            wanted = resolved(resource.get("Properties", {}), context)
            if kind not in READERS:
                differences.append(difference(logical, kind, "", "read back", "no way to read it"))
                continue
            try:
                found = READERS[kind](physical[logical], wanted)
            except Exception as error:
                differences.append(difference(logical, kind, "", "read back", f"{type(error).__name__}: {error}"))
                continue
            for name, value in wanted.items():
                if name not in found:
                    differences.append(difference(logical, kind, name, value, "not told"))
                elif not same(value, own(found[name]) if name == "Tags" else found[name]):
                    differences.append(difference(logical, kind, name, value, found[name]))
    print(json.dumps({"resources": seen, "differences": differences}, default=lambda value: "unknown" if value is UNKNOWN else str(value)))


def own(tags):
    """CloudFormation adds tags of its own."""
    return [each for each in tags if not each["Key"].startswith("aws:")] if isinstance(tags, list) else tags


def difference(logical, kind, name, wanted, found):
    return {"id": logical, "type": kind, "property": name, "wanted": wanted, "found": found}


PSEUDO = {"AWS::Region": "eu-west-1", "AWS::AccountId": "000000000000", "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}


def resolved(value, context):
    if isinstance(value, list):
        return [resolved(each, context) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, given)] = value.items()
        if name == "Ref":
            if given == "AWS::StackName":
                return context["stack"]
            return PSEUDO[given] if given in PSEUDO else context["physical"].get(given, UNKNOWN)
        if name == "Fn::ImportValue":
            return context["exports"].get(given, UNKNOWN)
        if name == "Fn::Join":
            parts = resolved(given[1], context)
            return UNKNOWN if not isinstance(parts, list) or any(part is UNKNOWN for part in parts) else given[0].join(map(str, parts))
        if name == "Fn::Split":
            text = resolved(given[1], context)
            return UNKNOWN if text is UNKNOWN else text.split(given[0])
        if name == "Fn::Select":
            parts = resolved(given[1], context)
            return UNKNOWN if parts is UNKNOWN or parts[int(given[0])] is UNKNOWN else parts[int(given[0])]
        if name == "Fn::Sub" and isinstance(given, str):
            for each, text in PSEUDO.items():
                given = given.replace("${" + each + "}", text)
            return UNKNOWN if "${" in given else given
        if name == "Fn::GetAtt" and given[1] == "Arn" and context["resources"][given[0]]["Type"] == "AWS::Lambda::Function":
            return f"arn:aws:lambda:eu-west-1:000000000000:function:{context['physical'].get(given[0])}"
        if name.startswith("Fn::"):
            return UNKNOWN
    return {name: resolved(each, context) for name, each in value.items()}


def same(wanted, found):
    """A template's value against the one told: what the template leaves open may be anything."""
    if wanted is UNKNOWN:
        return True
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and same(value, found[name]) for name, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(any(same(each, other) for other in found) for each in wanted)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return str(wanted).lower() == str(found).lower()
    if isinstance(wanted, (int, float)) or isinstance(found, (int, float)):
        try:
            return float(wanted) == float(found)
        except (TypeError, ValueError):
            return str(wanted) == str(found)
    return wanted == found


def tags(given):
    return [{"Key": key, "Value": value} for key, value in given.items()]


def lower(value):
    """Names of members as templates write them: first letter large."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: lower(each) for key, each in value.items()}
    if isinstance(value, list):
        return [lower(each) for each in value]
    return value


def policy(text):
    return json.loads(text) if isinstance(text, str) else text


def tagging(s3, name):
    try:
        return s3.get_bucket_tagging(Bucket=name)["TagSet"]
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return []
        raise


def bucket(name, wanted):
    s3 = client("s3")
    found = {"Tags": tagging(s3, name)} if "Tags" in wanted else {}
    if "BucketEncryption" in wanted:
        rules = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        found["BucketEncryption"] = {
            "ServerSideEncryptionConfiguration": [
                {
                    **({"BucketKeyEnabled": rule["BucketKeyEnabled"]} if "BucketKeyEnabled" in rule else {}),
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], **({"KMSMasterKeyID": rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]} if "KMSMasterKeyID" in rule["ApplyServerSideEncryptionByDefault"] else {})},
                }
                for rule in rules
            ]
        }
    if "VersioningConfiguration" in wanted:
        found["VersioningConfiguration"] = {"Status": s3.get_bucket_versioning(Bucket=name).get("Status")}
    if "PublicAccessBlockConfiguration" in wanted:
        found["PublicAccessBlockConfiguration"] = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    if "OwnershipControls" in wanted:
        found["OwnershipControls"] = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    if "LoggingConfiguration" in wanted:
        logging = s3.get_bucket_logging(Bucket=name).get("LoggingEnabled", {})
        found["LoggingConfiguration"] = {"DestinationBucketName": logging.get("TargetBucket"), "LogFilePrefix": logging.get("TargetPrefix")}
    if "NotificationConfiguration" in wanted:
        told = s3.get_bucket_notification_configuration(Bucket=name)
        found["NotificationConfiguration"] = {"EventBridgeConfiguration": {"EventBridgeEnabled": "EventBridgeConfiguration" in told}}
    if "LifecycleConfiguration" in wanted:
        found["LifecycleConfiguration"] = {"Rules": [lifecycle(rule) for rule in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]]}
    return found


def lifecycle(rule):
    expiration = rule.get("Expiration", {})
    return {
        "Id": rule["ID"],
        "Status": rule["Status"],
        "Prefix": rule.get("Filter", {}).get("Prefix", rule.get("Prefix")),
        "ExpirationInDays": expiration.get("Days"),
        "ExpiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
        "Transitions": [{"StorageClass": each["StorageClass"], "TransitionInDays": each["Days"]} for each in rule.get("Transitions", [])],
        "NoncurrentVersionExpiration": {"NoncurrentDays": rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")},
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
    }


def table(name, wanted):
    dynamodb = client("dynamodb")
    told = dynamodb.describe_table(TableName=name)["Table"]
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    sse = told.get("SSEDescription", {})
    return {
        **told,
        "BillingMode": told["BillingModeSummary"]["BillingMode"],
        "TimeToLiveSpecification": {"AttributeName": ttl.get("AttributeName"), "Enabled": ttl["TimeToLiveStatus"] == "ENABLED"},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": backups["PointInTimeRecoveryStatus"] == "ENABLED"},
        "SSESpecification": {"SSEEnabled": sse.get("Status") == "ENABLED", "SSEType": sse.get("SSEType"), "KMSMasterKeyId": sse.get("KMSMasterKeyArn")},
        "Tags": dynamodb.list_tags_of_resource(ResourceArn=told["TableArn"])["Tags"],
    }


def function(name, wanted):
    told = client("lambda").get_function(FunctionName=name)
    made = told["Configuration"]
    reserved = client("lambda").get_function_concurrency(FunctionName=name) if "ReservedConcurrentExecutions" in wanted else {}
    code = wanted.get("Code", {})
    return {**made, **reserved, "Code": code if made["CodeSize"] > 0 else {}, "TracingConfig": made.get("TracingConfig"), "Tags": tags(told.get("Tags", {}))}


def role(name, wanted):
    iam = client("iam")
    told = iam.get_role(RoleName=name)["Role"]
    attached = [each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]]
    inline = [iam.get_role_policy(RoleName=name, PolicyName=each) for each in iam.list_role_policies(RoleName=name)["PolicyNames"]]
    policies = [{"PolicyName": each["PolicyName"], "PolicyDocument": each["PolicyDocument"]} for each in inline]
    return {**told, "ManagedPolicyArns": attached, "Policies": policies, "Tags": told.get("Tags", [])}


def inline_policy(name, wanted):
    told = client("iam").get_role_policy(RoleName=wanted["Roles"][0], PolicyName=wanted["PolicyName"])
    return {"PolicyDocument": told["PolicyDocument"], "PolicyName": told["PolicyName"], "Roles": [told["RoleName"]]}


def managed_policy(arn, wanted):
    iam = client("iam")
    told = iam.get_policy(PolicyArn=arn)["Policy"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=told["DefaultVersionId"])["PolicyVersion"]["Document"]
    roles = [each["RoleName"] for each in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]]
    return {**told, "PolicyDocument": document, "Roles": roles, "Description": told.get("Description", "")}


def key(name, wanted):
    kms = client("kms")
    told = kms.describe_key(KeyId=name)["KeyMetadata"]
    return {
        **told,
        "KeyPolicy": policy(kms.get_key_policy(KeyId=name, PolicyName="default")["Policy"]),
        "EnableKeyRotation": kms.get_key_rotation_status(KeyId=name)["KeyRotationEnabled"],
        "Tags": [{"Key": each["TagKey"], "Value": each["TagValue"]} for each in kms.list_resource_tags(KeyId=name)["Tags"]],
    }


def alias(name, wanted):
    [told] = [each for page in client("kms").get_paginator("list_aliases").paginate() for each in page["Aliases"] if each["AliasName"] == name]
    return {"AliasName": told["AliasName"], "TargetKeyId": told["TargetKeyId"]}


def queue(url, wanted):
    sqs = client("sqs")
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return {**told, "RedrivePolicy": policy(told.get("RedrivePolicy")), "Tags": tags(sqs.list_queue_tags(QueueUrl=url).get("Tags", {}))}


def queue_policy(name, wanted):
    told = client("sqs").get_queue_attributes(QueueUrl=wanted["Queues"][0], AttributeNames=["Policy"])["Attributes"]
    return {"Queues": wanted["Queues"], "PolicyDocument": policy(told["Policy"])}


def topic(arn, wanted):
    sns = client("sns")
    told = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    return {**told, "TopicName": arn.split(":")[-1], "Tags": sns.list_tags_for_resource(ResourceArn=arn)["Tags"]}


def topic_policy(name, wanted):
    told = client("sns").get_topic_attributes(TopicArn=wanted["Topics"][0])["Attributes"]
    return {"Topics": wanted["Topics"], "PolicyDocument": policy(told["Policy"])}


def subscription(arn, wanted):
    told = client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    return {**told, "RedrivePolicy": policy(told.get("RedrivePolicy"))}


def alarm(name, wanted):
    cloudwatch = client("cloudwatch")
    [told] = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])["MetricAlarms"]
    return {**told, "Tags": cloudwatch.list_tags_for_resource(ResourceARN=told["AlarmArn"])["Tags"]}


def composite_alarm(name, wanted):
    cloudwatch = client("cloudwatch")
    [told] = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    return {**told, "Tags": cloudwatch.list_tags_for_resource(ResourceARN=told["AlarmArn"])["Tags"]}


def machine(arn, wanted):
    states = client("stepfunctions")
    told = states.describe_state_machine(stateMachineArn=arn)
    logging = lower(told.get("loggingConfiguration", {}))
    return {
        "StateMachineName": told["name"],
        "StateMachineType": told["type"],
        "RoleArn": told["roleArn"],
        "DefinitionString": told["definition"],
        "LoggingConfiguration": logging,
        "TracingConfiguration": lower(told.get("tracingConfiguration", {})),
        "Tags": lower(states.list_tags_for_resource(resourceArn=arn)["tags"]),
    }


def rule(name, wanted):
    events = client("events")
    name = name.split("|")[-1].split("/")[-1]
    told = events.describe_rule(Name=name)
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    return {**told, "EventPattern": policy(told.get("EventPattern")), "Targets": targets, "Tags": events.list_tags_for_resource(ResourceARN=told["Arn"])["Tags"]}


def schedule(name, wanted):
    told = client("scheduler").get_schedule(Name=name.split("/")[-1])
    return told


def job(name, wanted):
    glue = client("glue")
    told = glue.get_job(JobName=name)["Job"]
    arn = f"arn:aws:glue:eu-west-1:000000000000:job/{name}"
    return {**told, "Tags": glue.get_tags(ResourceArn=arn)["Tags"], **{"JobRunQueuingEnabled": told.get("JobRunQueuingEnabled")}}


def database(name, wanted):
    told = client("glue").get_database(Name=name)["Database"]
    return {"CatalogId": told.get("CatalogId", "000000000000"), "DatabaseInput": told}


def log_group(name, wanted):
    logs = client("logs")
    [told] = [each for each in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] if each["logGroupName"] == name]
    return {
        "LogGroupName": told["logGroupName"],
        "RetentionInDays": told.get("retentionInDays"),
        "KmsKeyId": told.get("kmsKeyId"),
        "Tags": tags(logs.list_tags_log_group(logGroupName=name)["tags"]),
    }


def secret(arn, wanted):
    told = client("secretsmanager").describe_secret(SecretId=arn)
    text = client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    length = wanted.get("GenerateSecretString", {}).get("PasswordLength")
    made = length is None or len(text) == length
    return {**told, "GenerateSecretString": wanted.get("GenerateSecretString") if made else f"{len(text)} characters"}


def workgroup(name, wanted):
    athena = client("athena")
    told = athena.get_work_group(WorkGroup=name)["WorkGroup"]
    arn = f"arn:aws:athena:eu-west-1:000000000000:workgroup/{name}"
    return {
        **told,
        "WorkGroupConfiguration": told["Configuration"],
        "RecursiveDeleteOption": wanted.get("RecursiveDeleteOption"),
        "Tags": athena.list_tags_for_resource(ResourceARN=arn)["Tags"],
    }


def parameter(name, wanted):
    ssm = client("ssm")
    told = ssm.get_parameter(Name=name)["Parameter"]
    described = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [name]}])["Parameters"]
    listed = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    return {**told, "Description": described[0].get("Description"), "Tags": {each["Key"]: each["Value"] for each in listed}}


def event_source(name, wanted):
    told = client("lambda").get_event_source_mapping(UUID=name)
    return {**told, "FunctionName": told["FunctionArn"].split(":")[-1], "Tags": tags(client("lambda").list_tags(Resource=told["EventSourceMappingArn"])["Tags"]) if "Tags" in wanted else []}


def security_configuration(name, wanted):
    told = client("glue").get_security_configuration(Name=name)["SecurityConfiguration"]
    return {**told, "EncryptionConfiguration": told["EncryptionConfiguration"]}


def machine_version(arn, wanted):
    told = client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    return {"StateMachineArn": arn.rsplit(":", 1)[0], "StateMachineRevisionId": told.get("revisionId")}


def machine_alias(arn, wanted):
    told = client("stepfunctions").describe_state_machine_alias(stateMachineAliasArn=arn)
    return {"Name": told["name"], "DeploymentPreference": {"StateMachineVersionArn": told["routingConfiguration"][0]["stateMachineVersionArn"], "Type": wanted["DeploymentPreference"]["Type"]}}


def bucket_policy(name, wanted):
    return {"Bucket": wanted["Bucket"], "PolicyDocument": policy(client("s3").get_bucket_policy(Bucket=wanted["Bucket"])["Policy"])}


def dashboard(name, wanted):
    told = client("cloudwatch").get_dashboard(DashboardName=name)
    return {"DashboardName": name, "DashboardBody": told["DashboardBody"]}


def budget(name, wanted):
    budgets = client("budgets")
    of = {"AccountId": "000000000000", "BudgetName": name}
    notifications = [
        {
            "Notification": each,
            "Subscribers": budgets.describe_subscribers_for_notification(**of, Notification={key: each[key] for key in ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")})["Subscribers"],
        }
        for each in budgets.describe_notifications_for_budget(**of)["Notifications"]
    ]
    return {"Budget": budgets.describe_budget(**of)["Budget"], "NotificationsWithSubscribers": notifications}


def permission(name, wanted):
    told = json.loads(client("lambda").get_policy(FunctionName=wanted["FunctionName"])["Policy"])
    actions = [each["Action"] for each in told["Statement"]]
    return {**wanted, "Action": wanted["Action"] if wanted["Action"] in actions else actions}


def invoke_config(name, wanted):
    return client("lambda").get_function_event_invoke_config(FunctionName=wanted["FunctionName"], Qualifier=wanted["Qualifier"]) | {"FunctionName": wanted["FunctionName"], "Qualifier": wanted["Qualifier"]}


READERS = {
    "AWS::Athena::WorkGroup": workgroup,
    "AWS::Budgets::Budget": budget,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::CompositeAlarm": composite_alarm,
    "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::DynamoDB::Table": table,
    "AWS::Events::Rule": rule,
    "AWS::Glue::Database": database,
    "AWS::Glue::Job": job,
    "AWS::Glue::SecurityConfiguration": security_configuration,
    "AWS::IAM::ManagedPolicy": managed_policy,
    "AWS::IAM::Policy": inline_policy,
    "AWS::IAM::Role": role,
    "AWS::KMS::Alias": alias,
    "AWS::KMS::Key": key,
    "AWS::Lambda::EventInvokeConfig": invoke_config,
    "AWS::Lambda::EventSourceMapping": event_source,
    "AWS::Lambda::Function": function,
    "AWS::Lambda::Permission": permission,
    "AWS::Logs::LogGroup": log_group,
    "AWS::S3::Bucket": bucket,
    "AWS::S3::BucketPolicy": bucket_policy,
    "AWS::SNS::Subscription": subscription,
    "AWS::SNS::Topic": topic,
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::SQS::Queue": queue,
    "AWS::SQS::QueuePolicy": queue_policy,
    "AWS::SSM::Parameter": parameter,
    "AWS::Scheduler::Schedule": schedule,
    "AWS::SecretsManager::Secret": secret,
    "AWS::StepFunctions::StateMachine": machine,
    "AWS::StepFunctions::StateMachineAlias": machine_alias,
    "AWS::StepFunctions::StateMachineVersion": machine_version,
}

if __name__ == "__main__":
    main(sys.argv[1])
