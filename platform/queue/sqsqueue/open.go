package sqsqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const longestWait = 20 * time.Second

// Open fails if a queue is missing, forbidden or does not answer within 10 s. There is nothing to close.
func Open(ctx context.Context, options Options) (*Driver, error) {
	d := &Driver{queueURL: options.QueueURL, deadURL: options.DeadURL, wait: options.Wait, log: options.Logger}
	if d.wait <= 0 || d.wait > longestWait {
		d.wait = longestWait
	}
	d.wait = max(d.wait.Truncate(time.Second), time.Second)
	if d.log == nil {
		d.log = slog.Default()
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var err error
	if d.client, err = connect(ctx, options); err != nil {
		return nil, fmt.Errorf("open SQS queue: %w", err)
	}
	if err := d.inspect(ctx); err != nil {
		return nil, fmt.Errorf("open SQS queue: %w", err)
	}
	return d, nil
}

func connect(ctx context.Context, options Options) (*sqs.Client, error) {
	if err := standardQueue(options.QueueURL); err != nil {
		return nil, err
	}
	if options.DeadURL != "" {
		if err := standardQueue(options.DeadURL); err != nil {
			return nil, fmt.Errorf("dead letters: %w", err)
		}
	}
	var load []func(*config.LoadOptions) error
	if options.Region != "" {
		load = append(load, config.WithRegion(options.Region))
	}
	settings, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("read the AWS settings: %w", err)
	}
	if settings.Region == "" {
		return nil, errors.New("no AWS region is set")
	}
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return nil, &trouble{"no AWS credentials found", err}
	}
	return sqs.NewFromConfig(settings, func(o *sqs.Options) {
		if o.BaseEndpoint == nil && options.EndpointURL != "" {
			o.BaseEndpoint = &options.EndpointURL
		}
	}), nil
}

func standardQueue(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || path.Base(u.Path) == "/" || path.Base(u.Path) == "." {
		return errors.New("the URL must look like https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
	}
	if strings.HasSuffix(u.Path, ".fifo") {
		return fmt.Errorf("%s is a FIFO queue, and only a standard queue delays single tasks", path.Base(u.Path))
	}
	return nil
}

// inspect checks both queues, and that the redrive policy of the first leads to the second.
func (d *Driver) inspect(ctx context.Context) error {
	const arnName, policyName = types.QueueAttributeNameQueueArn, types.QueueAttributeNameRedrivePolicy
	attributes, err := d.attributes(ctx, d.queueURL, arnName, policyName)
	if err != nil {
		return fmt.Errorf("%s: %w", path.Base(d.queueURL), err)
	}
	var policy struct {
		Target      string      `json:"deadLetterTargetArn"`
		MaxReceives json.Number `json:"maxReceiveCount"` // SQS also accepts a string
	}
	if text := attributes[string(policyName)]; text != "" {
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			return fmt.Errorf("%s: read its redrive policy: %w", path.Base(d.queueURL), err)
		}
		n, err := policy.MaxReceives.Int64()
		if err != nil || n < 2 {
			return fmt.Errorf("%s: its redrive policy allows %s receives; allow at least 2",
				path.Base(d.queueURL), policy.MaxReceives)
		}
		d.maxReceives = int(n)
	}
	if d.deadURL == "" {
		if d.deadURL, err = d.urlOf(ctx, policy.Target); err != nil {
			return fmt.Errorf("dead letters of %s: %w", path.Base(d.queueURL), err)
		}
	}
	dead, err := d.attributes(ctx, d.deadURL, arnName, policyName)
	if err != nil {
		return fmt.Errorf("dead letters in %s: %w", path.Base(d.deadURL), err)
	}
	// Listing dead letters means receiving them, after which a policy of their own queue would move them on.
	if dead[string(policyName)] != "" {
		return fmt.Errorf("dead letters in %s: it has a redrive policy of its own; are the two queues the wrong way "+
			"round?", path.Base(d.deadURL))
	}
	if dead[string(arnName)] == attributes[string(arnName)] {
		return fmt.Errorf("dead letters in %s: that is the queue itself", path.Base(d.deadURL))
	}
	if target := dead[string(arnName)]; policy.Target != "" && policy.Target != target {
		return fmt.Errorf("the redrive policy of %s leads to %s instead of %s",
			path.Base(d.queueURL), policy.Target, target)
	}
	return nil
}

func (d *Driver) urlOf(ctx context.Context, target string) (string, error) {
	if target == "" {
		return "", errors.New("no queue is named, and it has no redrive policy")
	}
	name, err := arn.Parse(target)
	if err != nil {
		return "", fmt.Errorf("read its redrive policy: %w", err)
	}
	reply, err := d.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{
		QueueName: &name.Resource, QueueOwnerAWSAccountId: &name.AccountID,
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", name.Resource, plain(err))
	}
	return *reply.QueueUrl, nil
}
