package aws_test

import (
	"maps"
	"strings"
	"testing"

	"risingstars/infra/aws/cfntest"
)

// Each mistake is planted alone, and the check must name it.
func TestPlantedMistakesAreReported(t *testing.T) {
	t.Parallel()
	registry, files := setup(t)
	for _, m := range []struct{ name, file, old, new, want string }{
		// Against the schemas.
		{
			"unknown property", "serve.yaml", "HealthCheckGracePeriodSeconds: 60", "HealthCheckGraceSeconds: 60",
			"Service.HealthCheckGraceSeconds: is no property here",
		},
		{
			"unknown property, deep inside", "work.yaml", "ReadonlyRootFilesystem: !If", "ReadOnlyRootFilesystem: !If",
			"Tasks.ContainerDefinitions[0].ReadOnlyRootFilesystem: is no property here",
		},
		{"required property missing", "queue.yaml", "      Queues: [!Ref Queue, !Ref Dead]\n", "", "TLSOnly: lacks Queues"},
		{"required property missing in a list", "cluster.yaml", "- Name: app\n          Image:", "- Image:", "ContainerDefinitions[0]: lacks Name"},
		{
			"required property taken away by NoValue", "storage.yaml", "SigningProtocol: sigv4", "SigningProtocol: !Ref AWS::NoValue",
			"lacks SigningProtocol",
		},
		{"text for a number", "serve.yaml", "TargetValue: 70", "TargetValue: seventy", `"seventy" is no number`},
		{"text for a truth", "database.yaml", "StorageEncrypted: true", "StorageEncrypted: yes please", `"yes please" is no boolean`},
		{
			"object for a list", "serve.yaml", "PortMappings: [{ContainerPort: 8000, Protocol: tcp}]",
			"PortMappings: {ContainerPort: 8000, Protocol: tcp}", "PortMappings: is an object, wants array",
		},
		{
			"single value for a list", "database.yaml", "VPCSecurityGroups: [!Ref SecurityGroup]", "VPCSecurityGroups: !Ref SecurityGroup",
			"Ref gives a single value, wants array",
		},
		{
			"list for a single value", "network.yaml", `AvailabilityZone: !Select [0, !GetAZs ""]`, `AvailabilityZone: !GetAZs ""`,
			"GetAZs gives a list, wants string",
		},
		{
			"list parameter for a single value", "database.yaml", "DBSubnetGroupName: !Ref SubnetGroup", "DBSubnetGroupName: !Ref Subnets",
			"Ref gives a list, wants string",
		},
		{"no such choice", "storage.yaml", "SSEAlgorithm: AES256", "SSEAlgorithm: AES128", `"AES128" is none of`},
		{"no such choice behind a parameter", "showcase.yaml", "AllowedValues: [7, 14, 30", "AllowedValues: [8, 14, 30", `"8" is none of`},
		{
			"no such choice behind another stack's output", "network.yaml", "[PrivateTasks, DISABLED, ENABLED]", "[PrivateTasks, OFF, ENABLED]",
			`may be "OFF"`,
		},
		{"pattern", "alarms.yaml", "MetricName: FailedAttempts, MetricValue", `MetricName: "", MetricValue`, `MetricName: "" is shorter than 1`},
		{"out of range", "balancer.yaml", "Priority: 1\n", "Priority: first\n", `"first" is no integer`},
		{"read-only property", "cluster.yaml", "ClusterName: !Ref Name", "Arn: !Ref Name", "Cluster.Arn: is read-only"},
		{"no such type", "queue.yaml", "Type: AWS::SQS::QueuePolicy", "Type: AWS::SQS::QueuePolicies", "is no type of resource"},
		{"no value", "queue.yaml", "maxReceiveCount: 3", "maxReceiveCount: 3\n      KmsMasterKeyId:", "KmsMasterKeyId: has no value"},

		// References within a template.
		{"Ref to nothing", "serve.yaml", "Image: !Ref Image", "Image: !Ref Picture", "neither a parameter nor a resource Picture"},
		{"GetAtt of nothing", "serve.yaml", "!GetAtt TaskRole.Arn", "!GetAtt Role.Arn", "there is no resource Role"},
		{
			"GetAtt of an attribute that is none", "storage.yaml", "!GetAtt Bucket.RegionalDomainName", "!GetAtt Bucket.Domain",
			"AWS::S3::Bucket has no attribute Domain",
		},
		{"GetAtt in a Sub", "database.yaml", "${Database.Endpoint.Port}", "${Database.Port}", "AWS::RDS::DBInstance has no attribute Port"},
		{"Sub of nothing", "cluster.yaml", `"/${Name}/work"`, `"/${Service}/work"`, "neither a parameter nor a resource Service"},
		{"Sub without a variable", "alarms.yaml", "AlarmName: !Sub ${Name}-5xx", "AlarmName: !Sub showcase-5xx", "a Sub without a variable"},
		{"variable without a Sub", "serve.yaml", "Family: !Sub ${Name}-serve", "Family: ${Name}-serve", "has a variable and no Sub"},
		{"Sub's own variable unused", "storage.yaml", "- ${Originals}/", "- ${OriginalsDays}/", "the variable Originals is used nowhere"},
		{"no such condition", "balancer.yaml", "    Condition: Secure", "    Condition: Secured", "there is no condition Secured"},
		{"no such condition in an If", "network.yaml", "!If [PrivateTasks,", "!If [PrivateTask,", "there is no condition PrivateTask"},
		{"no such condition in a condition", "base.yaml", "!Condition ByGitHub,", "!Condition GitHub,", "there is no condition GitHub"},
		{
			"a resource that is there sometimes", "balancer.yaml", "!If [Secure, !Ref HttpsListener, !Ref HttpListener]", "!Ref HttpsListener",
			"HttpsListener is only there if Secure",
		},
		{
			"the wrong branch", "balancer.yaml", "!If [Secure, !Ref HttpsListener, !Ref HttpListener]",
			"!If [Secure, !Ref HttpListener, !Ref HttpsListener]", "HttpsListener is only there if Secure",
		},
		{"no such mapping", "work.yaml", "Cpu: !FindInMap [Sizes,", "Cpu: !FindInMap [Size,", "there is no mapping Size"},
		{
			"no such key in a mapping", "work.yaml", "!FindInMap [Sizes, !Ref Size, Memory]", "!FindInMap [Sizes, !Ref Size, Ram]",
			"the mapping Sizes has no small.Ram",
		},
		{
			"a choice that the mapping lacks", "showcase.yaml", "AllowedValues: [small, medium, large, xlarge]",
			"AllowedValues: [small, medium, large, huge]", "the mapping Sizes has no huge.Cpu",
		},
		{
			"DependsOn nothing", "network.yaml", "DependsOn: InternetGatewayAttachment #", "DependsOn: Attachment #",
			"DependsOn names Attachment, which is no resource",
		},
		{
			"cycle", "queue.yaml", "MessageRetentionPeriod: 1209600",
			"Tags: [{Key: of, Value: !GetAtt Queue.Arn}]\n      MessageRetentionPeriod: 1209600", "waits for itself: Dead → Queue → Dead",
		},
		{"no such function", "network.yaml", "!Join [", "!Concat [", "there is no function Concat"},
		{
			"too few arguments", "network.yaml", "!Select [3, !Cidr [!Ref VpcCidr, 4, 12]]", "!Select [!Cidr [!Ref VpcCidr, 4, 12]]",
			"Select takes 2 arguments",
		},
		{
			"no such part of a resource", "database.yaml", "UpdateReplacePolicy: Snapshot", "ReplacePolicy: Snapshot",
			"ReplacePolicy is no part of a resource",
		},

		// What a template declares and does not need, or needs and does not declare.
		{
			"unused parameter", "queue.yaml", "Parameters:\n", "Parameters:\n  Colour: {Type: String, Default: red}\n",
			"Parameters.Colour: is used nowhere",
		},
		{"unused condition", "network.yaml", "Conditions:\n", "Conditions:\n  Never: !Equals [a, b]\n", "Conditions.Never: is used nowhere"},
		{"unused mapping", "storage.yaml", "Mappings:\n", "Mappings:\n  Colours:\n    All: {Red: red}\n", "Mappings.Colours: is used nowhere"},
		{"unused output", "network.yaml", "Outputs:\n", "Outputs:\n  Colour: {Value: red}\n", "Outputs.Colour: is used nowhere"},
		{"default that is not allowed", "showcase.yaml", "Default: ARM64", "Default: arm64", `its own default "arm64"`},
		{"default out of range", "showcase.yaml", "Default: 120, MinValue: 10", "Default: 5, MinValue: 10", "is below MinValue"},
		{"no such parameter type", "serve.yaml", "MinTasks: {Type: Number}", "MinTasks: {Type: Integer}", "is no type of a parameter"},
		{"no such section", "queue.yaml", "Outputs:", "Output:", "Output: is no section of a template"},

		// Between the templates.
		{"no such template", "showcase.yaml", "TemplateURL: queue.yaml", "TemplateURL: queues.yaml", `there is no template "queues.yaml" here`},
		{
			"parameter that the nested stack lacks", "showcase.yaml", "        TaskSubnets: !Ref TaskSubnets", "        Subnets: !Ref TaskSubnets",
			"network.yaml has no such parameter",
		},
		{"parameter that is not given", "showcase.yaml", "        MinHeight: !Ref MinHeight\n", "", "lacks the parameter MinHeight of work.yaml"},
		{
			"list to a nested stack", "showcase.yaml", "VpcCidr: !Ref VpcCidr\n        TaskSubnets", "VpcCidr: [!Ref VpcCidr]\n        TaskSubnets",
			"parameters of nested stacks are single values",
		},
		{
			"output that the nested stack lacks", "showcase.yaml", "!GetAtt Queue.Outputs.DeadArn", "!GetAtt Queue.Outputs.DeadLetterArn",
			"queue.yaml has no output DeadLetterArn",
		},
		{
			"list for an output", "network.yaml", `!Join [",", [!Ref PrivateSubnetA, !Ref PrivateSubnetB]]}`,
			"[!Ref PrivateSubnetA, !Ref PrivateSubnetB]}", "Outputs.PrivateSubnets: is a list",
		},
		{"import of nothing", "showcase.yaml", "${Base}-RepositoryArn", "${Base}-Repository", "no template exports *-Repository"},
		{
			"export to nobody", "base.yaml", "    Value: !Ref Artifacts\n", "    Value: !Ref Artifacts\n    Export: {Name: !Sub \"${AWS::StackName}-Artifacts\"}\n",
			"is exported and imported nowhere",
		},
		{
			"a nested stack that is there sometimes", "showcase.yaml", "DashboardUrl: {Condition: Runs,", "DashboardUrl: {",
			"Alarms is only there if Runs",
		},

		// Data.
		{"data without a deletion policy", "database.yaml", "    DeletionPolicy: Snapshot\n", "", "Database: holds data and lacks DeletionPolicy"},
		{"no such deletion policy", "storage.yaml", "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Keep", `DeletionPolicy "Keep" is none of`},
	} {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			text := string(files[m.file])
			if !strings.Contains(text, m.old) {
				t.Fatalf("%s has no %q to be mistaken about", m.file, m.old)
			}
			mistaken := maps.Clone(files)
			mistaken[m.file] = []byte(strings.Replace(text, m.old, m.new, 1))
			problems, err := cfntest.Check(registry, mistaken)
			if err != nil {
				t.Fatal(err)
			}
			var report strings.Builder
			for _, p := range problems {
				report.WriteString(p.String() + "\n")
			}
			if m.want == "" || !strings.Contains(report.String(), m.want) {
				t.Errorf("want a problem with %q; the report is:\n%s", m.want, &report)
			}
		})
	}
}

// What cannot be read as a template is an error, not a template without problems.
func TestTextsThatAreNoTemplatesAreErrors(t *testing.T) {
	t.Parallel()
	registry, _ := setup(t)
	for name, text := range map[string]string{
		"not YAML": "Resources: [",
		"empty":    "",
		"twice":    "Resources:\n  A: {Type: X}\n  A: {Type: Y}\n",
		"an alias": "Resources:\n  A: &a {Type: X}\n  B: *a\n",
	} {
		if problems, err := cfntest.Check(registry, cfntest.Files{"x.yaml": []byte(text)}); err == nil {
			t.Errorf("%s: no error, and the problems are %v", name, problems)
		}
	}
	if _, err := cfntest.Read(t.TempDir()); err == nil {
		t.Error("a folder without templates is no error")
	}
}
