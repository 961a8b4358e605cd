/** What the emulator (MiniStack 1.5.33 with the launcher) does not keep of a template, and why that is no fault of ours. The read-back test fails for any other difference, and for a gap that is none any more. */
export interface Gap {
  readonly type: string;
  /** Property of the type; empty: the resource as a whole can't be read. */
  readonly property: string;
  readonly reason: string;
}

/** Properties that MiniStack's CloudFormation does not hand to its services. */
function not(type: string, properties: readonly string[]): readonly Gap[] {
  const reason = 'its CloudFormation drops the property';
  return properties.map((property) => ({ type, property, reason }));
}

export const GAPS: readonly Gap[] = [
  {
    type: 'AWS::LakeFormation::Tag',
    property: '',
    reason: 'there is no Lake Formation; the launcher takes note of the resource and nothing acts by it',
  },
  {
    type: 'AWS::LakeFormation::TagAssociation',
    property: '',
    reason: 'there is no Lake Formation',
  },
  {
    type: 'AWS::LakeFormation::PrincipalPermissions',
    property: '',
    reason: 'there is no Lake Formation',
  },
  {
    type: 'Custom::Trigger',
    property: '',
    reason:
      'not a thing that stands: it has called the sync function, whose tables and views the other tests read',
  },
  ...not('AWS::Lambda::Function', ['ReservedConcurrentExecutions', 'DeadLetterConfig']),
  ...not('AWS::Glue::Job', ['ExecutionProperty', 'NotificationProperty', 'JobRunQueuingEnabled']),
  ...not('AWS::Glue::SecurityConfiguration', ['EncryptionConfiguration']),
  ...not('AWS::Scheduler::Schedule', ['ScheduleExpressionTimezone']),
  ...not('AWS::Budgets::Budget', ['ResourceTags', 'NotificationsWithSubscribers']),
  ...not('AWS::S3::Bucket', ['Tags', 'LoggingConfiguration']),
  ...not('AWS::Lambda::EventSourceMapping', ['Tags']),
  ...['Endpoint', 'Protocol', 'TopicArn'].map((property) => ({
    type: 'AWS::SNS::Subscription',
    property,
    reason: 'an address that nobody has confirmed has no attributes: that of the fallback topic',
  })),
  {
    type: 'AWS::Lambda::Version',
    property: '',
    reason: 'made by the trigger to be called once',
  },
];
