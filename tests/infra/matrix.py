"""Who may do what, written by hand: the templates' policies must say the same, no more, no less.

It is not made from contracts/topology.py, on purpose. Whoever adds a queue, a prefix or a table
there also says here who may use it.
"""

GATEWAY, RETRIEVAL, MEMORY = "gateway", "retrieval", "memory"
INGESTION, FINETUNE, OPERATOR = "ingestion", "finetune_export", "operator"
ALL = {GATEWAY, RETRIEVAL, MEMORY, INGESTION, FINETUNE}
SPEAKERS = ALL | {OPERATOR}
# As which Bedrock reads sets and writes what jobs put out.
TRAINER = "trainer"
ROLES = SPEAKERS | {TRAINER}

# Queue: who receives, who sends. A consumer sends to its own queue: a message that has waited long
# for a dependency goes back with a fresh count. Operators send dead letters back to any queue.
QUEUES: dict[str, tuple[set[str], set[str]]] = {
    "ingestion-documents": ({INGESTION}, {GATEWAY, INGESTION, OPERATOR}),
    "ingestion-queries": ({INGESTION}, {GATEWAY, INGESTION, OPERATOR}),
    "ingestion-events": ({INGESTION}, {INGESTION, OPERATOR}),
    "retrieval-index": ({RETRIEVAL}, {RETRIEVAL, OPERATOR}),
    "retrieval-control": ({RETRIEVAL}, {RETRIEVAL, OPERATOR}),
    "retrieval-queries": ({RETRIEVAL}, {GATEWAY, RETRIEVAL, OPERATOR}),
    "memory-queries": ({MEMORY}, {GATEWAY, MEMORY, OPERATOR}),
    "memory-events": ({MEMORY}, {MEMORY, OPERATOR}),
    "gateway-events": ({GATEWAY}, {GATEWAY, OPERATOR}),
    "finetune-exports": ({FINETUNE}, {GATEWAY, FINETUNE, OPERATOR}),
    "finetune-events": ({FINETUNE}, {FINETUNE, OPERATOR}),
    "finetune-trainings": ({FINETUNE}, {FINETUNE, OPERATOR}),
    "ingestion-documents-dead": ({OPERATOR}, {INGESTION}),
    "ingestion-queries-dead": ({OPERATOR}, {INGESTION}),
    "ingestion-events-dead": ({OPERATOR}, {INGESTION}),
    "retrieval-index-dead": ({OPERATOR}, {RETRIEVAL}),
    "retrieval-control-dead": ({OPERATOR}, {RETRIEVAL}),
    "retrieval-queries-dead": ({OPERATOR}, {RETRIEVAL}),
    "memory-queries-dead": ({OPERATOR}, {MEMORY}),
    "memory-events-dead": ({OPERATOR}, {MEMORY}),
    "gateway-events-dead": ({OPERATOR}, {GATEWAY}),
    "finetune-exports-dead": ({OPERATOR}, {FINETUNE}),
    "finetune-events-dead": ({OPERATOR}, {FINETUNE}),
    "finetune-trainings-dead": ({OPERATOR}, {FINETUNE}),
}
# The one queue that is made at run time, by its gateway.
REPLIES = ({GATEWAY}, {RETRIEVAL, MEMORY, INGESTION, FINETUNE})
# Queues to which topics and S3 send.
FROM_TOPICS: dict[str, set[str]] = {
    "ingestion-events": {"documents", "turns", "usage"},
    "retrieval-index": {"documents"},
    "retrieval-control": {"documents", "turns"},
    "memory-events": {"documents", "turns"},
    "gateway-events": {"documents", "usage", "erasures"},
    "finetune-events": {"documents", "turns", "usage"},
}
FROM_S3 = {"ingestion-documents": "ragops-carrier"}
# Queues to which a rule of EventBridge sends.
FROM_RULES = {"finetune-trainings": "ragops-trainings"}
TOPICS: dict[str, set[str]] = {
    "documents": {INGESTION, RETRIEVAL, MEMORY, GATEWAY},
    "turns": {GATEWAY},
    "usage": ALL,
    "erasures": {MEMORY, FINETUNE, INGESTION, RETRIEVAL},
}
# Bucket and prefix: who reads, who writes, who removes.
PREFIXES: dict[tuple[str, str], tuple[set[str], set[str], set[str]]] = {
    ("ragops-carrier", "uploads/"): ({GATEWAY, INGESTION}, {GATEWAY, INGESTION}, {INGESTION}),
    ("ragops-carrier", "inbox/"): ({GATEWAY, INGESTION}, {OPERATOR}, {INGESTION}),
    ("ragops-carrier", "manifests/"): ({INGESTION, RETRIEVAL}, {INGESTION}, {INGESTION}),
    ("ragops-carrier", "claims/"): (ALL | {OPERATOR}, ALL, ALL | {OPERATOR}),
    ("ragops-archive", "keys/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "exports/"): ({FINETUNE, TRAINER}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "trainings/"): ({FINETUNE}, {FINETUNE, TRAINER}, {FINETUNE}),
    ("ragops-archive", "turns/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "days/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "by-document/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "feedback/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "documents/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "lake/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "changed/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "usage/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "prompts/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "erased/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    ("ragops-archive", "deleted/"): ({FINETUNE}, {FINETUNE}, {FINETUNE}),
    # Nobody removes a line of the audit log.
    ("ragops-audit", "lines/"): ({FINETUNE}, {FINETUNE}, set()),
    ("ragops-audit", "seals/"): ({FINETUNE}, {FINETUNE}, set()),
}
# Buckets from which whoever removes an object also removes its old versions.
ERASED = {"ragops-archive"}
# Table, and table/index/name: who queries. Who may write is who may query.
TABLES: dict[str, set[str]] = {
    "ragops-turns": {MEMORY},
    "ragops-turns/index/by-user": {MEMORY},
}
# Key by its id in the template, and the AWS service through which it is used.
KEYS: dict[tuple[str, str], set[str]] = {
    ("MessagesKey", "sqs"): SPEAKERS,
    ("MessagesKey", "sns"): SPEAKERS,
    ("MessagesKey", "s3"): set(),
    ("DataKey", "s3"): ROLES,
    ("DataKey", "dynamodb"): {MEMORY},
    ("ArchiveKey", "s3"): {FINETUNE},
    ("StoresKey", "secretsmanager"): set(),
    ("StoresKey", "s3"): set(),
}
# Who asks KMS itself, not through another service.
KEYS_DIRECTLY = {"ArchiveKey": {FINETUNE}}
# Who starts with which secret: ECS fetches them with the start role, no service can itself.
SECRETS: dict[str, set[str]] = {
    "ragops/token-secret": {GATEWAY},
    "ragops/redis-password": {GATEWAY},
    "ragops/neo4j-password": {RETRIEVAL, "neo4j"},
    "ragops/audit-key": {FINETUNE},
}
# The database's first user: only the task that migrates.
ADMIN_SECRET = {"migrate"}
MODELS: dict[str, set[str]] = {
    "amazon.nova-lite-v1:0": {GATEWAY},
    "amazon.nova-micro-v1:0": {GATEWAY},
    "amazon.titan-embed-text-v2:0": {GATEWAY, RETRIEVAL, MEMORY, INGESTION},
    "amazon.rerank-v1:0": {RETRIEVAL},
    "anthropic.claude-sonnet-4-20250514-v1:0": set(),
}
STREAMED = {"amazon.nova-lite-v1:0", "amazon.nova-micro-v1:0"}
# Who may train, and have which role passed on; by action and the end of an ARN.
TRAINING: dict[tuple[str, str], set[str]] = {
    ("bedrock:CreateModelCustomizationJob", "model-customization-job/amazon.x/a1"): {FINETUNE},
    ("bedrock:GetModelCustomizationJob", "model-customization-job/amazon.x/a1"): {FINETUNE},
    ("bedrock:StopModelCustomizationJob", "model-customization-job/amazon.x/a1"): {FINETUNE},
    ("bedrock:DeleteCustomModel", "custom-model/amazon.x/a1"): {FINETUNE},
    ("bedrock:CreateCustomModelDeployment", "custom-model/amazon.x/a1"): {FINETUNE},
    ("bedrock:DeleteCustomModelDeployment", "custom-model-deployment/a1"): {FINETUNE},
    ("bedrock:InvokeModel", "custom-model-deployment/a1"): {GATEWAY},
    ("bedrock:InvokeModelWithResponseStream", "custom-model-deployment/a1"): {GATEWAY},
    ("bedrock:InvokeModel", "custom-model/amazon.x/a1"): set(),
    ("sagemaker:CreateTrainingJob", "training-job/ragops-a1"): {FINETUNE},
    ("sagemaker:DescribeTrainingJob", "training-job/ragops-a1"): {FINETUNE},
    ("sagemaker:StopTrainingJob", "training-job/ragops-a1"): {FINETUNE},
    ("sagemaker:StopTrainingJob", "training-job/another-ones"): set(),
    ("sagemaker:CreateEndpoint", "endpoint/ragops-a1"): set(),
}
# What the trainer's role may beside that, where the profile names this image, and nobody else or
# without it; by action and ARN. Each of the wrong ones differs from a right one in one point.
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-training:2.1-gpu"
_PULLED = "arn:aws:ecr:us-east-1:763104351884:repository/huggingface-pytorch-training"
_LOGS = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/TrainingJobs"
ON_A_MACHINE: dict[tuple[str, str], bool] = {
    ("ecr:GetAuthorizationToken", "*"): True,
    ("ecr:BatchCheckLayerAvailability", _PULLED): True,
    ("ecr:BatchGetImage", _PULLED): True,
    ("ecr:GetDownloadUrlForLayer", _PULLED): True,
    ("ecr:BatchGetImage", _PULLED.replace("huggingface", "other")): False,
    ("ecr:BatchGetImage", "arn:aws:ecr:us-east-1:111122223333:repository/ragops/gateway"): False,
    ("ecr:PutImage", _PULLED): False,
    ("logs:CreateLogGroup", f"{_LOGS}:log-stream:"): True,
    ("logs:DescribeLogStreams", f"{_LOGS}:log-stream:"): True,
    ("logs:CreateLogStream", f"{_LOGS}:log-stream:ragops-a1/algo-1-1700000000"): True,
    ("logs:PutLogEvents", f"{_LOGS}:log-stream:ragops-a1/algo-1-1700000000"): True,
    ("logs:PutLogEvents", f"{_LOGS}:log-stream:another-ones/algo-1-1700000000"): False,
    ("logs:GetLogEvents", f"{_LOGS}:log-stream:ragops-a1/algo-1-1700000000"): False,
    ("logs:PutLogEvents", "arn:aws:logs:us-east-1:111122223333:log-group:/ragops/gateway:x"): False,
}
# The namespaces in which it may put metrics.
MEASURED_AS = {"/aws/sagemaker/TrainingJobs": True, "RagOps": False}
TRAINED = {"amazon.nova-micro-v1:0:128k", "amazon.nova-lite-v1:0:300k"}
PASSED = {"trainer": {FINETUNE}, "gateway": set()}
# The services to which it may be passed.
PASSED_TO = {"bedrock": True, "sagemaker": True, "ec2": False}
DATABASE = {INGESTION}
SEARCH = {RETRIEVAL}
# Actions that IAM grants on every resource or not at all.
EVERYWHERE: dict[str, set[str]] = {
    "bedrock:Rerank": {RETRIEVAL},
    "sqs:ListQueues": {GATEWAY},
    "ecr:GetAuthorizationToken": set(),
    "cloudwatch:PutMetricData": set(),
    "ecs:DeregisterTaskDefinition": set(),
    "ecs:DescribeTaskDefinition": set(),
}
