package aws_test

import (
	"strings"
	"testing"
)

// promises maps a template to settings that fit the schema even if they are wrong, so that a mistake would only show
// when it is too late: in an attack, on a bill, or when an alarm stays silent.
var promises = map[string][]string{
	"database.yaml": {
		`EngineVersion: "16"`, "PubliclyAccessible: false", "StorageEncrypted: true",
		"DBSubnetGroupName: !Ref SubnetGroup", "DeletionProtection: !Ref DeletionProtection",
		"BackupRetentionPeriod: !Ref BackupDays", "MultiAZ: !Ref MultiAZ",
	},
	"storage.yaml": {
		"SSEAlgorithm: AES256", "BlockPublicAcls: true", "BlockPublicPolicy: true", "IgnorePublicAcls: true",
		"RestrictPublicBuckets: true",
		"AllowedMethods: [PUT]", "ExposedHeaders: [ETag]", "AbortIncompleteMultipartUpload: {DaysAfterInitiation: 1}",
		"OriginAccessControlId: !GetAtt OriginAccess.Id", "SigningBehavior: always",
		"MinTTL: 0\n        DefaultTTL: 3600\n        MaxTTL: 3600\n", "CachePolicyId: !Ref ClipsCache",
		"OriginPath: /media\n",
		"StatusCodes: {Quantity: 2, Items: [403, 404]}", "TargetOriginId: renditions-then-site\n",
		"Principal: {Service: cloudfront.amazonaws.com}\n            Action: s3:GetObject\n",
	},
	"queue.yaml": {
		"Dead:\n    Type: AWS::SQS::Queue\n    Properties:\n      SqsManagedSseEnabled: true\n" +
			"      MessageRetentionPeriod: 1209600",
		"Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      SqsManagedSseEnabled: true\n",
		"deadLetterTargetArn: !GetAtt Dead.Arn\n        maxReceiveCount: 3\n",
	},
	"balancer.yaml": {`Type: redirect
            RedirectConfig: {Protocol: HTTPS, Port: "443", StatusCode: HTTP_301}`},
	"network.yaml": {
		"FromPort: 8000, ToPort: 8000, SourceSecurityGroupId: !Ref BalancerGroup",
		"FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !Ref ServeGroup",
		"FromPort: 5432, ToPort: 5432, SourceSecurityGroupId: !Ref WorkGroup",
		`{IpProtocol: "-1", CidrIp: 127.0.0.1/32, Description: nowhere}`,
	},
	"cluster.yaml": {"Command: [migrate, up]"},
	"serve.yaml": {
		"Command: [serve]", "MinimumHealthyPercent: 100", "MaximumPercent: 200",
		"DeploymentCircuitBreaker: {Enable: true, Rollback: true}",
		"PredefinedMetricType: ECSServiceAverageCPUUtilization}\n        TargetValue: 70\n",
	},
	"work.yaml": {
		"Command: [work]", "MinimumHealthyPercent: 100", "MaximumPercent: 200",
		"DeploymentCircuitBreaker: {Enable: true, Rollback: true}",
		"TargetValue: !Ref Backlog",
	},
	"showcase.yaml": {
		"Architecture:\n    Type: String\n    Default: ARM64\n",
		"WorkerMin: {Type: Number, Default: 1,", "WorkerMax: {Type: Number, Default: 3,",
		"WorkerBacklog: {Type: Number, Default: 5,", `DeletionProtection: {Type: String, Default: "true",`,
		"TaskSubnets:\n    Type: String\n    Default: public\n",
	},
	"base.yaml": {
		"secret:*\n            Condition: {StringEquals: {aws:ResourceTag/read-by-tasks-of: !Ref Name}}",
		"s3:::${Name}-*\n            Condition: {StringEquals: {aws:ResourceAccount: !Ref AWS::AccountId}}",
	},
	// The filter matches the workers' log (platform/queue).
	"alarms.yaml": {
		`$.msg = "task handled" && ($.outcome = "retried" || $.outcome = "dead" || $.outcome = "lost")`,
		"[{Name: QueueName, Value: !Ref DeadName}]\n      Statistic: Maximum\n      Period: 300\n" +
			"      EvaluationPeriods: 1\n" +
			"      ComparisonOperator: GreaterThanThreshold\n      Threshold: 0\n",
	},
}

func TestTemplatesKeepTheirPromises(t *testing.T) {
	t.Parallel()
	_, files := setup(t)
	for file, fragments := range promises {
		for _, fragment := range fragments {
			if !strings.Contains(string(files[file]), fragment) {
				t.Errorf("%s no longer contains:\n%s", file, fragment)
			}
		}
	}
	const tag = "Tags: [{Key: read-by-tasks-of, Value: !Ref Name}]"
	if n := strings.Count(string(files["database.yaml"]), tag); n != 3 {
		t.Errorf("tasks may read %d secrets, not the two URLs and the key", n)
	}
	if n := strings.Count(string(files["alarms.yaml"]), "AlarmActions: [!Ref Topic]"); n != 11 {
		t.Errorf("%d alarms notify the topic, not 11", n)
	}
	network := string(files["network.yaml"])
	const world, aws = "CidrIp: 0.0.0.0/0, Description", "ToPort: 443, CidrIp: 0.0.0.0/0, Description: AWS"
	const letters = "- Letters\n          - {IpProtocol: tcp, FromPort: 587, ToPort: 587, CidrIp: 0.0.0.0/0, " +
		"Description: letters}\n          - !Ref AWS::NoValue\n"
	if out := strings.Count(network, aws); out != 2 || strings.Count(network, letters) != 1 ||
		strings.Count(network, world)-out != 3 {
		t.Errorf("%d groups reach AWS, not the tasks' 2, or something else than the load balancer's 2 ports and the "+
			"workers' letters is open to the world", out)
	}
	// A group without rules of its own for what goes out may reach everything.
	groups := strings.Count(network, "Type: AWS::EC2::SecurityGroup\n")
	if rules := strings.Count(network, "      SecurityGroupEgress:"); groups != 4 || rules != groups {
		t.Errorf("%d of %d groups limit what goes out", rules, groups)
	}
}
