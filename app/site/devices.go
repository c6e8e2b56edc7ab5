package site

import (
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// Device is a browser or a program in which the caller is signed in.
type Device struct {
	ID, Name, Network string
	UsedAt, CreatedAt time.Time
	Current           bool
}

// DevicesPage lists where the caller is signed in, and ends what they do not know.
type DevicesPage struct {
	Base

	Devices []Device
	Others  bool // there is another one than this
}

func (*DevicesPage) file() string { return "devices" }

func (s *Site) getDevices(v *visit) (web.View, error) {
	ctx := v.Context()
	caller, _ := auth.Caller(ctx)
	sessions, err := s.identity.Sessions(ctx, caller.UserID)
	if err != nil {
		return web.View{}, err
	}
	d := &DevicesPage{Base: v.frame("devices.title", "me")}
	d.Private = true
	for _, session := range sessions {
		device := Device{
			ID: session.ID, Name: web.Say(ctx, session.Device()), Network: session.Network, UsedAt: session.UsedAt,
			CreatedAt: session.CreatedAt, Current: session.ID == caller.SessionID,
		}
		d.Devices, d.Others = append(d.Devices, device), d.Others || !device.Current
	}
	return s.show(d)
}

// postDevices ends the session that the field end names, or all but this one.
func (s *Site) postDevices(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx := v.Context()
	caller, _ := auth.Caller(ctx)
	if form.Get("end") == "others" {
		if err := s.identity.EndAll(ctx, caller.UserID, caller.SessionID); err != nil {
			return web.View{}, err
		}
		return v.goTo("/me/devices?said=others_ended")
	}
	err = s.identity.EndSession(ctx, caller.UserID, form.Get("end"))
	if err != nil && fault.From(err).Kind != fault.NotFound { // it is as they want it
		return web.View{}, err
	}
	return v.goTo("/me/devices?said=ended")
}

// sessionUse is what changing sessions takes.
func sessionUse() web.Use { return web.Use{Budgets: append(identity.SessionBudgets(), pageViews)} }
