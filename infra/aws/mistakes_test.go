package aws_test

import (
	"maps"
	"strings"
	"testing"

	"risingstars/infra/aws/cfntest"
)

// Each mistake is planted by itself, and the check must name it.
func TestPlantedMistakesAreReported(t *testing.T) {
	t.Parallel()
	registry, files := setup(t)
	for _, m := range []struct{ name, file, old, new, want string }{
		// Against the schemas.
		{
			"unknown property", "serve.yaml", "HealthCheckGracePeriodSeconds: 60", "HealthCheckGraceSeconds: 60",
			"Service.HealthCheckGraceSeconds: is not a property here",
		},
		{
			"unknown property, deep inside", "work.yaml", "ReadonlyRootFilesystem: !If", "ReadOnlyRootFilesystem: !If",
			"Tasks.ContainerDefinitions[0].ReadOnlyRootFilesystem: is not a property here",
		},
		{
			"required property missing", "queue.yaml", "      Queues: [!Ref Queue, !Ref Dead]\n", "",
			"TLSOnly: lacks Queues",
		},
		{
			"required property missing in a list", "cluster.yaml", "- Name: app\n          Image:", "- Image:",
			"ContainerDefinitions[0]: lacks Name",
		},
		{
			"required property removed by NoValue", "storage.yaml", "SigningProtocol: sigv4",
			"SigningProtocol: !Ref AWS::NoValue", "lacks SigningProtocol",
		},
		{
			"text for a number", "serve.yaml", "TargetValue: 70", "TargetValue: seventy",
			`"seventy" is not of type number`,
		},
		{
			"text for a boolean", "database.yaml", "StorageEncrypted: true", "StorageEncrypted: yes please",
			`"yes please" is not of type boolean`,
		},
		{
			"object for a list", "serve.yaml", "PortMappings: [{ContainerPort: 8000, Protocol: tcp}]",
			"PortMappings: {ContainerPort: 8000, Protocol: tcp}", "PortMappings: is an object, want array",
		},
		{
			"single value for a list", "database.yaml", "VPCSecurityGroups: [!Ref SecurityGroup]",
			"VPCSecurityGroups: !Ref SecurityGroup", "Ref returns a single value, want array",
		},
		{
			"list for a single value", "network.yaml", `AvailabilityZone: !Select [0, !GetAZs ""]`,
			`AvailabilityZone: !GetAZs ""`, "GetAZs returns a list, want string",
		},
		{
			"list parameter for a single value", "database.yaml", "DBSubnetGroupName: !Ref SubnetGroup",
			"DBSubnetGroupName: !Ref Subnets", "Ref returns a list, want string",
		},
		{
			"value outside an enumeration", "storage.yaml", "SSEAlgorithm: AES256", "SSEAlgorithm: AES128",
			`"AES128" is not one of`,
		},
		{
			"value outside an enumeration, through a parameter", "showcase.yaml", "AllowedValues: [7, 14, 30",
			"AllowedValues: [8, 14, 30", `"8" is not one of`,
		},
		{
			"value outside an enumeration, through another stack's output", "network.yaml",
			"[PrivateTasks, DISABLED, ENABLED]", "[PrivateTasks, OFF, ENABLED]", `may be "OFF"`,
		},
		{
			"text that is too short", "alarms.yaml", "MetricName: FailedAttempts, MetricValue",
			`MetricName: "", MetricValue`, `MetricName: "" is shorter than 1`,
		},
		{
			"text for an integer", "balancer.yaml", "Priority: 1\n", "Priority: first\n",
			`"first" is not of type integer`,
		},
		{"read-only property", "cluster.yaml", "ClusterName: !Ref Name", "Arn: !Ref Name", "Cluster.Arn: is read-only"},
		{
			"unknown type", "queue.yaml", "Type: AWS::SQS::QueuePolicy", "Type: AWS::SQS::QueuePolicies",
			"is not a resource type",
		},
		{
			"property without a value", "queue.yaml", "maxReceiveCount: 3", "maxReceiveCount: 3\n      KmsMasterKeyId:",
			"KmsMasterKeyId: has no value",
		},

		// References within a template.
		{
			"Ref to an unknown name", "serve.yaml", "Image: !Ref Image", "Image: !Ref Picture",
			"neither a parameter nor a resource Picture",
		},
		{
			"GetAtt of an unknown resource", "serve.yaml", "!GetAtt TaskRole.Arn", "!GetAtt Role.Arn",
			"there is no resource Role",
		},
		{
			"GetAtt of an unknown attribute", "storage.yaml", "!GetAtt Bucket.RegionalDomainName",
			"!GetAtt Bucket.Domain", "AWS::S3::Bucket has no attribute Domain",
		},
		{
			"GetAtt of an unknown attribute in a Sub", "database.yaml", "${Database.Endpoint.Port}", "${Database.Port}",
			"AWS::RDS::DBInstance has no attribute Port",
		},
		{
			"Sub of an unknown name", "cluster.yaml", `"/${Name}/work"`, `"/${Service}/work"`,
			"neither a parameter nor a resource Service",
		},
		{
			"Sub without a variable", "alarms.yaml", "AlarmName: !Sub ${Name}-5xx", "AlarmName: !Sub showcase-5xx",
			"is a Sub without variables",
		},
		{
			"variable without a Sub", "serve.yaml", "Family: !Sub ${Name}-serve", "Family: ${Name}-serve",
			"contains a variable without Sub",
		},
		{
			"Sub's own variable unused", "storage.yaml", "- ${Originals}/", "- ${OriginalsDays}/",
			"the variable Originals is never used",
		},
		{
			"unknown condition", "balancer.yaml", "    Condition: Secure", "    Condition: Secured",
			"there is no condition Secured",
		},
		{
			"unknown condition in an If", "network.yaml", "!If [PrivateTasks,", "!If [PrivateTask,",
			"there is no condition PrivateTask",
		},
		{
			"unknown condition in a condition", "base.yaml", "!Condition ByGitHub,", "!Condition GitHub,",
			"there is no condition GitHub",
		},
		{
			"reference to a conditional resource", "balancer.yaml",
			"!If [Secure, !Ref HttpsListener, !Ref HttpListener]", "!Ref HttpsListener",
			"HttpsListener exists only if Secure",
		},
		{
			"references to conditional resources in the wrong branches", "balancer.yaml",
			"!If [Secure, !Ref HttpsListener, !Ref HttpListener]",
			"!If [Secure, !Ref HttpListener, !Ref HttpsListener]", "HttpsListener exists only if Secure",
		},
		{
			"unknown mapping", "work.yaml", "Cpu: !FindInMap [Sizes,", "Cpu: !FindInMap [Size,",
			"there is no mapping Size",
		},
		{
			"unknown key of a mapping", "work.yaml", "!FindInMap [Sizes, !Ref Size, Memory]",
			"!FindInMap [Sizes, !Ref Size, Ram]", "the mapping Sizes has no small.Ram",
		},
		{
			"allowed value that the mapping lacks", "showcase.yaml", "AllowedValues: [small, medium, large, xlarge]",
			"AllowedValues: [small, medium, large, huge]", "the mapping Sizes has no huge.Cpu",
		},
		{
			"DependsOn an unknown resource", "network.yaml", "DependsOn: InternetGatewayAttachment #",
			"DependsOn: Attachment #", "DependsOn names Attachment, which is not a resource",
		},
		{
			"cycle", "queue.yaml", "MessageRetentionPeriod: 1209600",
			"Tags: [{Key: of, Value: !GetAtt Queue.Arn}]\n      MessageRetentionPeriod: 1209600",
			"depends on itself: Dead → Queue → Dead",
		},
		{"unknown function", "network.yaml", "!Join [", "!Concat [", "there is no function Concat"},
		{
			"too few arguments", "network.yaml", "!Select [3, !Cidr [!Ref VpcCidr, 4, 12]]",
			"!Select [!Cidr [!Ref VpcCidr, 4, 12]]", "Select needs 2 arguments",
		},
		{
			"unknown key of a resource", "database.yaml", "UpdateReplacePolicy: Snapshot", "ReplacePolicy: Snapshot",
			"ReplacePolicy is not a key of a resource",
		},

		// Declarations that are unused, wrong or unknown.
		{
			"unused parameter", "queue.yaml", "Parameters:\n", "Parameters:\n  Colour: {Type: String, Default: red}\n",
			"Parameters.Colour: is never used",
		},
		{
			"unused condition", "network.yaml", "Conditions:\n", "Conditions:\n  Never: !Equals [a, b]\n",
			"Conditions.Never: is never used",
		},
		{
			"unused mapping", "storage.yaml", "Mappings:\n", "Mappings:\n  Colours:\n    All: {Red: red}\n",
			"Mappings.Colours: is never used",
		},
		{
			"unused output", "network.yaml", "Outputs:\n", "Outputs:\n  Colour: {Value: red}\n",
			"Outputs.Colour: is never used",
		},
		{"default that is not allowed", "showcase.yaml", "Default: ARM64", "Default: arm64", `its default "arm64"`},
		{
			"default out of range", "showcase.yaml", "Default: 120, MinValue: 10", "Default: 5, MinValue: 10",
			"is below MinValue",
		},
		{
			"unknown parameter type", "serve.yaml", "MinTasks: {Type: Number}", "MinTasks: {Type: Integer}",
			"is not a parameter type",
		},
		{"unknown section", "queue.yaml", "Outputs:", "Output:", "Output: is not a section of a template"},

		// Between the templates.
		{
			"unknown template", "showcase.yaml", "TemplateURL: queue.yaml", "TemplateURL: queues.yaml",
			`there is no template "queues.yaml"`,
		},
		{
			"parameter that the nested stack lacks", "showcase.yaml", "        TaskSubnets: !Ref TaskSubnets",
			"        Subnets: !Ref TaskSubnets", "network.yaml has no such parameter",
		},
		{
			"parameter that is not passed", "showcase.yaml", "        MinHeight: !Ref MinHeight\n", "",
			"lacks the parameter MinHeight of work.yaml",
		},
		{
			"list to a nested stack", "showcase.yaml", "VpcCidr: !Ref VpcCidr\n        TaskSubnets",
			"VpcCidr: [!Ref VpcCidr]\n        TaskSubnets", "parameters of nested stacks are single values",
		},
		{
			"output that the nested stack lacks", "showcase.yaml", "!GetAtt Queue.Outputs.DeadArn",
			"!GetAtt Queue.Outputs.DeadLetterArn", "queue.yaml has no output DeadLetterArn",
		},
		{
			"list for an output", "network.yaml", `!Join [",", [!Ref PrivateSubnetA, !Ref PrivateSubnetB]]}`,
			"[!Ref PrivateSubnetA, !Ref PrivateSubnetB]}", "Outputs.PrivateSubnets: is a list",
		},
		{
			"import of an unknown export", "showcase.yaml", "${Base}-RepositoryArn", "${Base}-Repository",
			"no template exports *-Repository",
		},
		{
			"unused export", "base.yaml", "    Value: !Ref Artifacts\n",
			"    Value: !Ref Artifacts\n    Export: {Name: !Sub \"${AWS::StackName}-Artifacts\"}\n",
			"is exported but never imported",
		},
		{
			"reference to a conditional nested stack", "showcase.yaml", "DashboardUrl: {Condition: Runs,",
			"DashboardUrl: {", "Alarms exists only if Runs",
		},

		// Resources that hold data.
		{
			"data without a deletion policy", "database.yaml", "    DeletionPolicy: Snapshot\n", "",
			"Database: holds data but lacks DeletionPolicy",
		},
		{
			"unknown deletion policy", "storage.yaml", "DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Keep",
			`DeletionPolicy "Keep" is not one of`,
		},
	} {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			text := string(files[m.file])
			if !strings.Contains(text, m.old) {
				t.Fatalf("%s has no %q to plant the mistake in", m.file, m.old)
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

// A text that cannot be parsed as a template is an error, not a template without problems.
func TestTextsThatAreNotTemplatesAreErrors(t *testing.T) {
	t.Parallel()
	registry, _ := setup(t)
	for name, text := range map[string]string{
		"not YAML":    "Resources: [",
		"empty":       "",
		"a key twice": "Resources:\n  A: {Type: X}\n  A: {Type: Y}\n",
		"an alias":    "Resources:\n  A: &a {Type: X}\n  B: *a\n",
	} {
		if problems, err := cfntest.Check(registry, cfntest.Files{"x.yaml": []byte(text)}); err == nil {
			t.Errorf("%s: no error, and the problems are %v", name, problems)
		}
	}
	if _, err := cfntest.Read(t.TempDir()); err == nil {
		t.Error("a folder without templates is not an error")
	}
}
