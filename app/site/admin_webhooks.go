package site

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"risingstars/modules/identity"
	"risingstars/modules/webhooks"
	"risingstars/platform/web"
)

// kindTexts, stateTexts, deliveryTexts and whyTexts are the ids of the words for events, for the states of webhooks and
// of deliveries, and for why one failed.
var (
	kindTexts = map[webhooks.Kind]string{
		webhooks.VideoPublished: "event.video.published", webhooks.VideoFailed: "event.video.failed",
		webhooks.EntryHidden: "event.entry.hidden", webhooks.VoteMilestone: "event.vote.milestone",
	}
	stateTexts = map[webhooks.State]string{
		webhooks.On: "webhook.on", webhooks.Off: "webhook.off", webhooks.Failed: "webhook.failed",
		webhooks.Gone: "webhook.gone",
	}
	deliveryTexts = map[webhooks.DeliveryState]string{
		webhooks.Waiting: "delivery.waiting", webhooks.Delivered: "delivery.delivered",
		webhooks.Undelivered: "delivery.failed",
	}
	whyTexts = map[string]string{
		"status": "delivery.status", "address_not_public": "delivery.address", "name_not_found": "delivery.name",
		"timeout": "delivery.timeout", "tls": "delivery.tls", "connection": "delivery.connection",
		"expired": "delivery.expired", "switched_off": "delivery.off", "secret": "delivery.secret",
	}
)

// WebhookRow is a webhook as organisers see it.
type WebhookRow struct {
	ID, URL, Description string
	Events               []string // the ids of texts
	State                string   // the id of a text
	IsOn                 bool
	Since, Failing       time.Time // Failing is zero if it does not fail
	Why                  string    // the id of a text, or ""
	Status               int       // of the latest failure, or 0
	Overlap              time.Time // until then, two secrets sign; zero: one does
}

func webhookRow(e webhooks.Endpoint) WebhookRow {
	row := WebhookRow{
		ID: e.ID, URL: e.URL, Description: e.Description, State: stateTexts[e.State], IsOn: e.State == webhooks.On,
		Since: e.CreatedAt, Failing: e.FailingSince, Why: whyTexts[e.LastError], Status: e.LastStatus,
		Overlap: e.PreviousUntil,
	}
	for _, kind := range e.Kinds {
		row.Events = append(row.Events, kindTexts[kind])
	}
	return row
}

// WebhookForm is what somebody types about a webhook.
type WebhookForm struct {
	URL, Description Field
	Events           []RoleBox
	Wrong            string // what is wrong with the events; a text
	On               bool
}

func webhookForm(s webhooks.Spec) WebhookForm {
	f := WebhookForm{
		URL: Field{
			Name: "url", Label: "webhook.url", Hint: "webhook.url.hint", Type: "url", Value: s.URL, Most: 2000,
		},
		Description: Field{
			Name: "description", Label: "webhook.description", Type: "text", Value: s.Description, Most: 200,
			Optional: true,
		},
		On: s.On,
	}
	for _, kind := range webhooks.Kinds() {
		f.Events = append(f.Events, RoleBox{string(kind), kindTexts[kind], slices.Contains(s.Kinds, kind)})
	}
	return f
}

// fields are those that faults are about.
func (f *WebhookForm) fields() []Field {
	return []Field{
		f.URL, f.Description, {Name: "events", At: "event-" + f.Events[0].Name, Label: "webhook.events"},
	}
}

// refuse puts into the page why the form of this name is refused, and returns the status to answer with.
func (f *WebhookForm) refuse(
	v *visit, d *AdminFrame, name string, form url.Values, err error, more ...Field,
) (status int, _ error) {
	fields := append(f.fields(), more...)
	status, err = d.refused(v, name, form, err, fields...)
	f.URL.Error, f.Description.Error, f.Wrong = d.Error("url"), d.Error("description"), d.Error(fields[2].ID())
	return status, err
}

func typedWebhook(form url.Values) webhooks.Spec {
	s := webhooks.Spec{URL: form.Get("url"), Description: form.Get("description"), On: form.Get("on") != ""}
	for _, kind := range form["event"] {
		s.Kinds = append(s.Kinds, webhooks.Kind(kind))
	}
	return s
}

// AdminWebhooksPage lists the webhooks.
type AdminWebhooksPage struct {
	AdminFrame

	Webhooks []WebhookRow
	Form     WebhookForm // of a new one
}

func (*AdminWebhooksPage) file() string { return "admin-webhooks" }

func (s *Site) adminWebhooksPage(v *visit, typed webhooks.Spec) (*AdminWebhooksPage, error) {
	frame, err := s.adminFrame(v, "admin.webhooks", identity.ReadWebhooks)
	if err != nil {
		return nil, err
	}
	all, err := s.webhooks.Endpoints(v.Context(), v.caller)
	d := &AdminWebhooksPage{AdminFrame: frame, Form: webhookForm(typed)}
	for _, e := range all {
		d.Webhooks = append(d.Webhooks, webhookRow(e))
	}
	return d, err
}

func (s *Site) getWebhooks(v *visit) (web.View, error) {
	d, err := s.adminWebhooksPage(v, webhooks.Spec{Kinds: webhooks.Kinds(), On: true})
	if err != nil {
		return web.View{}, err
	}
	return s.showAdmin(http.StatusOK, d)
}

// postWebhook adds a webhook. Its secret is in the answer, because no other page may have it.
func (s *Site) postWebhook(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	typed, by := typedWebhook(form), webhooks.Actor{ID: v.caller, Reason: form.Get("reason")}
	typed.On = true
	e, secret, err := s.webhooks.Register(v.Context(), by, typed)
	if err == nil {
		return s.showSecret(v, e.ID, secret)
	}
	d, readErr := s.adminWebhooksPage(v, typed)
	if readErr != nil {
		return web.View{}, readErr
	}
	status, err := d.Form.refuse(v, &d.AdminFrame, "add", form, err, whyField("add"))
	if err != nil {
		return web.View{}, err
	}
	return s.showAdmin(status, d)
}

// DeliveryRow is what a webhook was sent.
type DeliveryRow struct {
	ID     string
	Event  string // the id of a text, or ""
	State  string // the id of a text
	Why    string // the id of a text, or ""
	Status int
	Tries  int
	At     time.Time
	Ended  bool
}

// AdminWebhookPage shows a webhook, and what it was sent.
type AdminWebhookPage struct {
	AdminFrame

	Webhook    WebhookRow
	Secret     string // a new one, shown once
	Form       WebhookForm
	Hours      string // in which two secrets sign
	Delivery   string // the id of the one that is to be sent again
	Deliveries []DeliveryRow
	Total      int
	Pager      Pager
}

func (*AdminWebhookPage) file() string { return "admin-webhook" }

func (s *Site) adminWebhookPage(v *visit, id string) (*AdminWebhookPage, error) {
	ctx := v.Context()
	frame, err := s.adminFrame(v, "admin.webhook", identity.ReadWebhooks)
	if err != nil {
		return nil, err
	}
	e, err := s.webhooks.EndpointOf(ctx, v.caller, id)
	if err != nil {
		return nil, err
	}
	d := &AdminWebhookPage{AdminFrame: frame, Webhook: webhookRow(e), Form: webhookForm(webhooks.Spec{
		URL: e.URL, Description: e.Description, Kinds: e.Kinds, On: e.State == webhooks.On,
	}), Hours: "24"}
	found, total, err := s.webhooks.Deliveries(ctx, v.caller, id, webhooks.DeliveryFilter{},
		(pageOf(v.URL.Query())-1)*adminRows, adminRows)
	d.Total, d.Pager = total, v.pager(total, adminRows)
	for _, found := range found {
		d.Deliveries = append(d.Deliveries, DeliveryRow{
			ID: found.ID, Event: kindTexts[found.Kind], State: deliveryTexts[found.State], Why: whyTexts[found.Error],
			Status: found.Status, Tries: found.Tries, At: found.CreatedAt, Ended: found.State != webhooks.Waiting,
		})
	}
	return d, err
}

func (s *Site) getWebhook(v *visit) (web.View, error) {
	d, err := s.adminWebhookPage(v, v.PathValue("id"))
	if err != nil {
		return web.View{}, err
	}
	if d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	return s.showAdmin(http.StatusOK, d)
}

func (s *Site) showSecret(v *visit, id, secret string) (web.View, error) {
	d, err := s.adminWebhookPage(v, id)
	if err != nil {
		return web.View{}, err
	}
	d.Secret = secret
	return s.showAdmin(http.StatusOK, d)
}

// actOnWebhook returns what does one thing to the webhook of the address, for which the form of this name is. act
// returns what the page says then, or a new secret.
func (s *Site) actOnWebhook(
	name string, act func(v *visit, by webhooks.Actor, id string, form url.Values) (said, secret string, err error),
) page {
	return func(v *visit) (web.View, error) {
		form, err := web.Form(v.Request)
		if err != nil {
			return web.View{}, err
		}
		id, by := v.PathValue("id"), webhooks.Actor{ID: v.caller, Reason: form.Get("reason")}
		said, secret, err := act(v, by, id, form)
		switch {
		case err == nil && secret != "":
			return s.showSecret(v, id, secret)
		case err == nil && said == "webhook_deleted":
			return v.goTo("/admin/webhooks?said=" + said)
		case err == nil:
			return v.goTo("/admin/webhooks/" + id + "?said=" + said)
		}
		d, readErr := s.adminWebhookPage(v, id)
		if readErr != nil {
			return web.View{}, readErr
		}
		switch name {
		case "change":
			d.Form = webhookForm(typedWebhook(form))
		case "rotate":
			d.Hours = form.Get("hours")
		case "replay":
			d.Delivery = form.Get("delivery")
		}
		status, err := d.Form.refuse(v, &d.AdminFrame, name, form, err, hoursField(), whyField(name))
		if err != nil {
			return web.View{}, err
		}
		return s.showAdmin(status, d)
	}
}

// hoursField is where it is said how long two secrets sign.
func hoursField() Field { return Field{Name: "overlap_hours", At: "hours", Label: "webhook.hours"} }

func (s *Site) postWebhookChange(v *visit, by webhooks.Actor, id string, form url.Values) (said, _ string, _ error) {
	return "webhook_changed", "", s.webhooks.Change(v.Context(), by, id, typedWebhook(form))
}

func (s *Site) postWebhookRotate(v *visit, by webhooks.Actor, id string, form url.Values) (_, secret string, _ error) {
	hours, err := strconv.Atoi(form.Get("hours"))
	if err != nil {
		hours = -1 // which is refused
	}
	secret, err = s.webhooks.Rotate(v.Context(), by, id, time.Duration(hours)*time.Hour)
	return "", secret, err
}

func (s *Site) postWebhookTest(v *visit, by webhooks.Actor, id string, _ url.Values) (said, _ string, _ error) {
	return "webhook_told", "", s.webhooks.Try(v.Context(), by, id)
}

// postWebhookReplay sends one delivery again, or all that failed.
func (s *Site) postWebhookReplay(v *visit, by webhooks.Actor, id string, form url.Values) (said, _ string, err error) {
	if delivery := form.Get("delivery"); delivery != "" {
		return "webhook_told", "", s.webhooks.Replay(v.Context(), by, id, delivery)
	}
	n, err := s.webhooks.ReplayFailed(v.Context(), by, id)
	if n == 0 {
		return "nothing", "", err
	}
	return "webhook_told", "", err
}

func (s *Site) postWebhookDelete(v *visit, by webhooks.Actor, id string, _ url.Values) (said, _ string, _ error) {
	return "webhook_deleted", "", s.webhooks.Remove(v.Context(), by, id)
}
