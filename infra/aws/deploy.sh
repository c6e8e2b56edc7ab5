#!/usr/bin/env bash
# Deploys the service to AWS. README.md in this folder says when to use which command.
#   deploy.sh base [KEY=VALUE…]         once, as an administrator: creates image repository, bucket for templates, roles
#   deploy.sh image TAG                 builds the image for amd64 and arm64 and pushes it, unless TAG exists
#   deploy.sh release TAG [KEY=VALUE…]  migrates the database with the image TAG, then rolls the services to it
#   deploy.sh rollback TAG              rolls the services back to TAG, and does not change the database
#   deploy.sh run COMMAND…              runs a command of the app in a separate task, for example: queue dead
# KEY=VALUE sets a parameter of the templates; parameters that are not named keep their values. The environment variable
# NAME is the stack's name. Region and credentials come from the AWS CLI's configuration.
set -euo pipefail
export AWS_PAGER=''

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${NAME:-showcase}

usage() {
	sed -n 's/^#   /  /p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

fail() {
	echo "deploy.sh: $*" >&2
	exit 1
}

# output STACK KEY prints one of the stack's outputs.
output() {
	local value
	value=$(aws cloudformation describe-stacks --stack-name "$1" \
		--query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue" --output text)
	[[ -n $value && $value != None ]] || fail "the stack $1 has no output $2"
	echo "$value"
}

# has_services reports whether the services exist: not before the stack does, nor until its first release is complete.
has_services() { (output "$name" WorkTaskDefinition) >/dev/null 2>&1; }

# has_image TAG reports whether the image is in the repository.
has_image() { aws ecr describe-images --repository-name "$name" --image-ids "imageTag=$1" >/dev/null; }

# explain STACK prints why the last change failed, newest reasons first, and exits. A nested stack's reasons follow its
# own line.
explain() {
	reasons "$1" || true
	fail "the stack $1 was not changed"
}

# reasons STACK prints the reasons of explain. It leaves out the events of a stack about itself, which would recurse
# forever.
reasons() {
	local resource kind reason id seen=
	aws cloudformation describe-stack-events --stack-name "$1" --output text \
		--query "StackEvents[?contains(ResourceStatus, 'FAILED') && PhysicalResourceId != StackId]
			.[LogicalResourceId, ResourceType, ResourceStatusReason, PhysicalResourceId]" |
		head -n 20 | while IFS=$'\t' read -r resource kind reason id; do
		echo "$resource: $reason" >&2
		if [[ $kind == AWS::CloudFormation::Stack && $id == arn:* && $seen != *"$id "* ]]; then
			seen+="$id "
			reasons "$id"
		fi
	done
}

base() {
	aws cloudformation deploy --stack-name "$name-base" --template-file "$here/base.yaml" \
		--capabilities CAPABILITY_IAM --no-fail-on-empty-changeset --tags "service=$name" \
		--parameter-overrides "Name=$name" "$@" || explain "$name-base"
	# A new account lacks this role, without which the first cluster fails.
	aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com >/dev/null 2>&1 || true
	aws cloudformation describe-stacks --stack-name "$name-base" \
		--query 'Stacks[0].Outputs[].[OutputKey, OutputValue]' --output text
}

image() {
	local tag=$1 repository certificates
	repository=$(output "$name-base" RepositoryUri)
	if has_image "$tag" 2>/dev/null; then
		echo "$repository:$tag already exists"
		return
	fi
	aws ecr get-login-password | docker login --username AWS --password-stdin "${repository%%/*}"
	# RDS's certificates are AWS's own, and change when it adds a region or renews one.
	certificates=$(mktemp -d)
	mkdir "$certificates/rds"
	curl -fsS --proto =https --retry 3 -o "$certificates/rds/global-bundle.pem" \
		https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem || fail "RDS's certificates cannot be fetched"
	grep -q -- '-----BEGIN CERTIFICATE-----' "$certificates/rds/global-bundle.pem" ||
		fail "what was fetched are no certificates"
	chmod -R a+rX "$certificates"
	docker buildx build --platform linux/amd64,linux/arm64 --provenance=false --build-arg "VERSION=${tag#v}" \
		--build-context "rds=$certificates" --tag "$repository:$tag" --push "$here/../.."
	rm -rf "$certificates"
}

# put_stack [OPTION…] -- KEY=VALUE… creates or updates the stack with the templates of this folder.
put_stack() {
	local options=() bucket packaged
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	shift
	bucket=$(output "$name-base" ArtifactsBucket)
	packaged=$(mktemp)
	aws cloudformation package --template-file "$here/showcase.yaml" --s3-bucket "$bucket" --s3-prefix templates \
		--output-template-file "$packaged" >/dev/null
	aws cloudformation deploy --stack-name "$name" --template-file "$packaged" \
		--s3-bucket "$bucket" --s3-prefix templates \
		--role-arn "$(output "$name-base" StackRoleArn)" --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
		--tags "service=$name" ${options[@]+"${options[@]}"} \
		--parameter-overrides "Name=$name" "Base=$name-base" "$@" || explain "$name"
	rm -f "$packaged"
}

# set_parameter KEY VALUE changes one parameter of the stack and nothing else: it does not apply newer templates.
set_parameter() {
	local key parameters=("ParameterKey=$1,ParameterValue=$2") answer
	for key in $(aws cloudformation describe-stacks --stack-name "$name" \
		--query 'Stacks[0].Parameters[].ParameterKey' --output text); do
		[[ $key == "$1" ]] || parameters+=("ParameterKey=$key,UsePreviousValue=true")
	done
	if ! answer=$(aws cloudformation update-stack --stack-name "$name" --use-previous-template \
		--capabilities CAPABILITY_IAM --role-arn "$(output "$name-base" StackRoleArn)" \
		--parameters "${parameters[@]}" 2>&1); then
		[[ $answer == *"No updates are to be performed"* ]] && return
		fail "$answer"
	fi
	aws cloudformation wait stack-update-complete --stack-name "$name" || explain "$name"
}

# json_list WORD… prints the words as a JSON list.
json_list() {
	local word separator=
	printf '['
	for word in "$@"; do
		word=${word//\\/\\\\}
		printf '%s"%s"' "$separator" "${word//\"/\\\"}"
		separator=,
	done
	printf ']'
}

# run_task WHICH COMMAND… runs the command in a task with the definition of WHICH (Migrate or Work), prints the task's
# log, and fails if the command failed.
run_task() {
	local which=$1 prefix network task code
	shift
	prefix=$(tr '[:upper:]' '[:lower:]' <<<"$which")
	network="subnets=[$(output "$name" TaskSubnets)],securityGroups=[$(output "$name" TaskGroup)]"
	network+=",assignPublicIp=$(output "$name" TasksHavePublicAddresses)"
	task=$(aws ecs run-task --cluster "$name" --launch-type FARGATE \
		--task-definition "$(output "$name" "${which}TaskDefinition")" \
		--network-configuration "awsvpcConfiguration={$network}" \
		--overrides "{\"containerOverrides\": [{\"name\": \"app\", \"command\": $(json_list "$@")}]}" \
		--started-by deploy.sh --query 'tasks[0].taskArn' --output text)
	[[ $task == arn:* ]] || fail "no task was started for: $*"
	# One wait lasts ten minutes.
	for _ in 1 2 3 4 5 6; do
		if aws ecs wait tasks-stopped --cluster "$name" --tasks "$task"; then break; fi
	done
	aws logs get-log-events --log-group-name "$(output "$name" "${which}Logs")" --start-from-head \
		--log-stream-name "$prefix/app/${task##*/}" --query 'events[].[message]' --output text || true
	code=$(aws ecs describe-tasks --cluster "$name" --tasks "$task" \
		--query 'tasks[0].containers[0].exitCode' --output text)
	if [[ $code != 0 ]]; then
		aws ecs describe-tasks --cluster "$name" --tasks "$task" \
			--query 'tasks[0].[stoppedReason, containers[0].reason]' --output text >&2
		fail "exit code $code of: $*"
	fi
}

release() {
	local tag=$1
	shift
	has_image "$tag" || fail "there is no image $tag; build it with: deploy.sh image $tag"
	if has_services; then
		set_parameter MigrateImageTag "$tag"
	else
		# This creates everything but the services, which do not start before the database is migrated. After a failure,
		# what exists is kept for another try, because the protected database could not be removed anyway.
		put_stack --disable-rollback -- "MigrateImageTag=$tag" "$@"
	fi
	run_task Migrate migrate up
	put_stack -- "ImageTag=$tag" "MigrateImageTag=$tag" "$@"
	echo "$tag runs on $(output "$name" SiteUrl)"
}

rollback() {
	has_image "$1" || fail "there is no image $1 to roll back to"
	set_parameter ImageTag "$1"
	echo "$1 runs on $(output "$name" SiteUrl)"
}

[[ $# -gt 0 ]] || usage
command=$1
shift
case $command in
base) base "$@" ;;
image | rollback)
	[[ $# -eq 1 && -n $1 ]] || usage # an empty ImageTag would delete the services
	"$command" "$1"
	;;
release)
	[[ -n ${1-} ]] || usage
	release "$@"
	;;
run)
	[[ $# -gt 0 ]] || usage
	run_task Work "$@"
	;;
*) usage ;;
esac
