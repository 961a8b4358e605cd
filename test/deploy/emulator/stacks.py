"""CloudFormation: resource types that MiniStack refuses, and properties that it drops."""

from xml.sax.saxutils import escape

import json

from ministack.services import budgets, cloudwatch, dynamodb, glue, s3, sns, stepfunctions
from ministack.services.cloudformation import provisioners

from seams import answered, replace

# Kept as written; nothing in the emulator acts by them. Read back through RECORDS.
RECORD_ONLY = (
    "AWS::LakeFormation::Tag",
    "AWS::LakeFormation::TagAssociation",
    "AWS::LakeFormation::PrincipalPermissions",
)


def install():
    handlers = provisioners._RESOURCE_HANDLERS
    for kind in (*RECORD_ONLY, *MADE):
        if kind in handlers:
            raise SystemExit(f"MiniStack makes {kind} by now: take it out of the launcher")
    for kind in RECORD_ONLY:
        handlers[kind] = handler(record(kind), lambda physical_id, props: None)
    for kind, (create, delete) in MADE.items():
        handlers[kind] = handler(create, delete)
    replace(provisioners, "_cw_metric_alarm_record", with_metric_math)
    replace(sns, "_fanout", with_alarm_arn)
    for kind, after in COMPLETED.items():
        for action in ("create", "update"):
            handlers[kind][action] = completed(handlers[kind][action], action, after)
    handlers[SECRET].update(secret_by_arn(dict(handlers[SECRET])))


def handler(create, delete):
    return {
        "create": create,
        "update": lambda physical_id, old, new, stack: create(physical_id, new, stack),
        "delete": delete,
    }


def record(kind):
    def create(logical_id, props, stack):
        name = next((props[key] for key in ("MonitorName", "SubscriptionName", "TagKey") if key in props), f"{stack}-{logical_id}")
        arn = f"arn:aws:recorded:::{kind}/{name}"
        return name, {"Arn": arn, "MonitorArn": arn, "SubscriptionArn": arn}

    return create


def completed(original, action, after):
    def made(*args, **kwargs):
        name, attributes = original(*args, **kwargs)
        after(name, args[1] if action == "create" else args[2])
        return name, attributes

    return made


def with_metric_math(original):
    """An alarm over several metrics is kept with them. The emulator can't evaluate it: its state changes by SetAlarmState only."""

    def alarm(name, props):
        if "Metrics" not in props:
            return original(name, props)
        made = original(name, {**{key: value for key, value in props.items() if key != "Metrics"}, "MetricName": "-", "Namespace": "-"})
        return {**{key: value for key, value in made.items() if key not in ("MetricName", "Namespace")}, "Metrics": props["Metrics"]}

    return alarm


def with_alarm_arn(original):
    """The message of an alarm names the alarm's ARN on AWS."""

    def fanout(topic, message_id, message, *args, **kwargs):
        content = json.loads(message) if message.startswith("{") else {}
        name = content.get("AlarmName")
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name) if name else None
        if alarm:
            message = json.dumps({**content, "AlarmArn": alarm["AlarmArn"]})
        return original(topic, message_id, message, *args, **kwargs)

    return fanout


SECRET = "AWS::SecretsManager::Secret"


def secret_by_arn(original):
    """`Ref` of a secret is its ARN on AWS, and its name in MiniStack."""

    def name_of(arn):
        return arn.split(":", 6)[6].rsplit("-", 1)[0] if arn.startswith("arn:") else arn

    def create(logical_id, props, stack):
        _, attributes = original["create"](logical_id, props, stack)
        return attributes["Arn"], attributes

    def update(arn, *args, **kwargs):
        _, attributes = original["update"](name_of(arn), *args, **kwargs)
        return attributes["Arn"], attributes

    return {"create": create, "update": update, "delete": lambda arn, props: original["delete"](name_of(arn), props)}


def security_configuration(logical_id, props, stack):
    answered(glue._create_security_configuration({"Name": props["Name"], "EncryptionConfiguration": props["EncryptionConfiguration"]}))
    return props["Name"], {}


def version(logical_id, props, stack):
    made = answered(stepfunctions._publish_state_machine_version({"stateMachineArn": props["StateMachineArn"], "description": props.get("Description", "")}))
    return made["stateMachineVersionArn"], {"Arn": made["stateMachineVersionArn"]}


def alias(logical_id, props, stack):
    to = props.get("DeploymentPreference", {}).get("StateMachineVersionArn")
    routing = [{"stateMachineVersionArn": to, "weight": 100}]
    arn = f"{to.rsplit(':', 1)[0]}:{props['Name']}"
    if arn in stepfunctions._state_machine_aliases:
        answered(stepfunctions._update_state_machine_alias({"stateMachineAliasArn": arn, "routingConfiguration": routing}))
    else:
        answered(stepfunctions._create_state_machine_alias({"name": props["Name"], "routingConfiguration": routing}))
    return arn, {"Arn": arn}


def budget(logical_id, props, stack):
    from ministack.core.responses import get_account_id

    name = props["Budget"]["BudgetName"]
    limit = {key: str(value) for key, value in props["Budget"]["BudgetLimit"].items()}
    made = {**props["Budget"], "BudgetLimit": limit}
    answered(budgets._create_budget({"AccountId": get_account_id(), "Budget": made}))
    return name, {}


def composite_alarm(logical_id, props, stack):
    status, _, body = cloudwatch._put_composite_alarm({}, props, False, is_json=True)
    if status >= 300:
        raise ValueError(str(body))
    return props["AlarmName"], {"Arn": cloudwatch._composite_alarms[props["AlarmName"]]["AlarmArn"]}


# Type: (create, delete). Deleting is not tried by the test; a stage's data stays anyway.
MADE = {
    "AWS::Glue::SecurityConfiguration": (security_configuration, lambda name, props: glue._delete_security_configuration({"Name": name})),
    "AWS::StepFunctions::StateMachineVersion": (version, lambda arn, props: None),
    "AWS::StepFunctions::StateMachineAlias": (alias, lambda arn, props: stepfunctions._delete_state_machine_alias({"stateMachineAliasArn": arn})),
    "AWS::CloudWatch::CompositeAlarm": (composite_alarm, lambda name, props: cloudwatch._composite_alarms.pop(name, None)),
    "AWS::Budgets::Budget": (budget, lambda name, props: None),
}


def bucket(name, props):
    encryption = props.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    # The CDK's own bucket names AWS's key, which the emulator refuses with the objects that the CDK sends.
    own = [each for each in encryption if "KMSMasterKeyID" in each["ServerSideEncryptionByDefault"] or each["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"]
    if own:
        answered_xml(s3._put_bucket_encryption(name, xml("ServerSideEncryptionConfiguration", [("Rule", encryption_rule(each)) for each in own])))
    rules = props.get("LifecycleConfiguration", {}).get("Rules", [])
    if rules:
        answered_xml(s3._put_bucket_lifecycle(name, xml("LifecycleConfiguration", [("Rule", lifecycle_rule(each)) for each in rules])))


def encryption_rule(rule):
    default = rule.get("ServerSideEncryptionByDefault", {})
    inner = [("SSEAlgorithm", default["SSEAlgorithm"])]
    if "KMSMasterKeyID" in default:
        inner.append(("KMSMasterKeyID", default["KMSMasterKeyID"]))
    return [("ApplyServerSideEncryptionByDefault", inner), ("BucketKeyEnabled", str(rule.get("BucketKeyEnabled", False)).lower())]


def lifecycle_rule(rule):
    inner = [("ID", rule.get("Id", "")), ("Status", rule["Status"]), ("Filter", [("Prefix", rule.get("Prefix", ""))])]
    expiration = []
    if "ExpirationInDays" in rule:
        expiration.append(("Days", rule["ExpirationInDays"]))
    if "ExpiredObjectDeleteMarker" in rule:
        expiration.append(("ExpiredObjectDeleteMarker", str(rule["ExpiredObjectDeleteMarker"]).lower()))
    if expiration:
        inner.append(("Expiration", expiration))
    for each in rule.get("Transitions", []):
        inner.append(("Transition", [("Days", each["TransitionInDays"]), ("StorageClass", each["StorageClass"])]))
    if "NoncurrentVersionExpiration" in rule:
        inner.append(("NoncurrentVersionExpiration", [("NoncurrentDays", rule["NoncurrentVersionExpiration"]["NoncurrentDays"])]))
    if "AbortIncompleteMultipartUpload" in rule:
        inner.append(("AbortIncompleteMultipartUpload", [("DaysAfterInitiation", rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"])]))
    return inner


def xml(root, children):
    def text(name, inner):
        body = "".join(text(*each) for each in inner) if isinstance(inner, list) else escape(str(inner))
        return f"<{name}>{body}</{name}>"

    body = "".join(text(*each) for each in children)
    return f'<{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{body}</{root}>'.encode()


def answered_xml(answer):
    status, _, body = answer
    if status >= 300:
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))


def table(name, props):
    if "TimeToLiveSpecification" in props:
        answered(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": props["TimeToLiveSpecification"]}))
    if "PointInTimeRecoverySpecification" in props:
        answered(dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": props["PointInTimeRecoverySpecification"]}))
    key = props.get("SSESpecification", {}).get("KMSMasterKeyId")
    if key:
        dynamodb._tables[name]["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}


def topic(arn, props):
    if "KmsMasterKeyId" in props:
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = props["KmsMasterKeyId"]


def machine(arn, props):
    made = stepfunctions._state_machines[arn]
    if "LoggingConfiguration" in props:
        given = props["LoggingConfiguration"]
        made["loggingConfiguration"] = {
            "level": given["Level"],
            "includeExecutionData": given.get("IncludeExecutionData", False),
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": each["CloudWatchLogsLogGroup"]["LogGroupArn"]}} for each in given.get("Destinations", [])],
        }
    if "TracingConfiguration" in props:
        made["tracingConfiguration"] = {"enabled": props["TracingConfiguration"]["Enabled"]}


COMPLETED = {
    "AWS::S3::Bucket": bucket,
    "AWS::DynamoDB::Table": table,
    "AWS::SNS::Topic": topic,
    "AWS::StepFunctions::StateMachine": machine,
}
