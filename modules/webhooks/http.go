package webhooks

import (
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// listTime is how long a list may take.
const listTime = 5 * time.Second

// specBody is the largest body with an address and texts: JSON may need 12 bytes for a character.
const specBody = 16 << 10

// api holds the module's handlers.
type api struct{ *Module }

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	a := api{m}
	reads := web.Use{Budgets: []limit.Budget{webhookReads}, Timeout: listTime}
	acts := web.Use{Budgets: ActBudgets(), Body: specBody}
	operation := func(method, path, id, summary string, faults ...*fault.Error) huma.Operation {
		return web.Refuses(huma.Operation{
			Method: method, Path: "/api/admin/webhooks" + path, OperationID: id, Summary: summary,
			Tags: []string{"Webhooks"}, Security: web.Secured(),
		}, append(faults, m.o.RoleFaults...)...)
	}
	act := func(method, path, id, summary string, faults ...*fault.Error) huma.Operation {
		return operation(method, path, id, summary, append(faults, disk.ErrFull)...)
	}
	web.Register(s, operation(http.MethodGet, "", "listWebhooks",
		"List the webhooks: for admins and auditors"), reads, a.getWebhooks)
	add := act(http.MethodPost, "", "addWebhook",
		"Add a webhook, and get its secret, which is never shown again: for admins", errTooMany)
	add.DefaultStatus = http.StatusCreated
	add.Description = "Events are video.published, video.failed, entry.hidden and vote.milestone. Each is posted as " +
		"JSON, signed as https://www.standardwebhooks.com says, and again until it is answered with 2xx, for 24 " +
		"hours: a receiver may get one twice, and knows it by webhook-id."
	web.Register(s, add, acts, a.postWebhook)
	web.Register(s, operation(http.MethodGet, "/{id}", "getWebhook",
		"Get a webhook: for admins and auditors", errNoEndpoint), reads, a.getWebhook)
	web.Register(s, act(http.MethodPut, "/{id}", "changeWebhook",
		"Change a webhook, or switch it on or off: for admins", errNoEndpoint), acts, a.putWebhook)
	web.Register(s, act(http.MethodDelete, "/{id}", "deleteWebhook",
		"Delete a webhook with its deliveries: for admins", errNoEndpoint), acts, a.deleteWebhook)
	web.Register(s, act(http.MethodPost, "/{id}/rotate", "rotateWebhook",
		"Replace the secret of a webhook, and get the new one, which is never shown again: for admins", errNoEndpoint),
		acts, a.postRotate)
	web.Register(s, act(http.MethodPost, "/{id}/test", "testWebhook",
		"Send an event of the type webhook.test: for admins", errNoEndpoint, errIsOff), acts, a.postTest)
	list := operation(http.MethodGet, "/{id}/deliveries", "listDeliveries",
		"List what a webhook was sent in the last 14 days, the latest first: for admins and auditors", errNoEndpoint)
	list.Description = "error is one of " + strings.Join(Reasons(), ", ") + "."
	web.Register(s, list, reads, a.getDeliveries)
	web.Register(s, act(http.MethodPost, "/{id}/deliveries/{delivery_id}/replay", "replayDelivery",
		"Send a delivery again, with the same webhook-id: for admins", errNoEndpoint, errNoDelivery, errIsOff),
		acts, a.postReplay)
	web.Register(s, act(http.MethodPost, "/{id}/replay", "replayFailedDeliveries",
		"Send all deliveries again that have failed: for admins", errNoEndpoint, errIsOff), acts, a.postReplayFailed)
}
