package identity

import "context"

// UndoDeletion brings an account back by the link of the letter about its deletion, which proves its e-mail. The error
// is errEmailTakenSince, and the link stays good, if somebody else has proved meanwhile that the e-mail is theirs.
// stranger is set if it was not the owner who has deleted the account: then whoever knows its password, or has its
// second factor, can do no more with them, and a letter lets the owner choose a new password.
func (m *Module) UndoDeletion(ctx context.Context, caller, token string, stranger bool) error {
	var id, letter string
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		letter = "" // of a run that was rolled back
		p, u, err := m.redeem(ctx, caller, token, Undelete)
		if err != nil {
			return err
		}
		id = u.ID
		d, err := m.store.reopen(ctx, id)
		if err != nil {
			return err
		}
		if err := m.takeIn(ctx, Actor{ID: id}, d, p.Email == d.Email); err != nil {
			return err
		}
		if stranger {
			letter, err = m.shutOut(ctx, id)
		}
		return err
	})
	if err == nil {
		m.forward(ctx, letter)
		m.afterDeparture(ctx, id)
	}
	return err
}

// shutOut makes useless what somebody knows or has of an account that is not theirs.
func (m *Module) shutOut(ctx context.Context, userID string) (letter string, err error) {
	if err := m.store.setPassword(ctx, userID, ""); err != nil {
		return "", err
	}
	if err := m.store.dropFactor(ctx, userID, everySince); err != nil {
		return "", err
	}
	if err := m.store.voidProofs(ctx, userID, 0, Change, Reset); err != nil {
		return "", err
	}
	if err := m.EndAll(ctx, userID, ""); err != nil {
		return "", err
	}
	u, err := m.store.byID(ctx, userID)
	if err != nil {
		return "", err
	}
	return m.issue(ctx, Reset, u, linkLetter{"reset", "/reset", u.Email, resetLife})
}

// comeBack makes an account what it was, in the transaction of ctx.
func (m *Module) comeBack(ctx context.Context, by Actor, userID string) error {
	d, err := m.store.reopen(ctx, userID)
	if err != nil {
		return err
	}
	return m.takeIn(ctx, by, d, false)
}

// takeIn gives a reopened account its e-mail back. If that was proved, or is now, whoever has signed up with it
// meanwhile and has not proved it has to give way: anybody may do that.
func (m *Module) takeIn(ctx context.Context, by Actor, d departure, proved bool) error {
	userID := d.UserID
	if proved || d.EmailVerifiedAt > 0 {
		if err := m.makeRoom(ctx, userID, d.Email, d.canonical()); err != nil {
			return err
		}
	}
	if err := m.store.giveEmailBack(ctx, d); err != nil {
		return err
	}
	if proved {
		if err := m.store.verify(ctx, userID); err != nil {
			return err
		}
	}
	return m.welcome(ctx, by, userID)
}

// makeRoom takes an e-mail that is an account's from whoever has it without having proved it, and signs them out.
func (m *Module) makeRoom(ctx context.Context, userID, email, canonical string) error {
	evicted, err := m.store.evict(ctx, userID, email, canonical)
	if err != nil {
		return err
	}
	for _, id := range evicted {
		if err := m.EndAll(ctx, id, ""); err != nil {
			return err
		}
	}
	return nil
}

// welcome shows what an account has published again, if it is open.
func (m *Module) welcome(ctx context.Context, by Actor, userID string) error {
	if err := m.showAgain(ctx, userID); err != nil {
		return err
	}
	return m.AddRecord(ctx, by.did("account.return", "user:"+userID, "", ""))
}

func (m *Module) showAgain(ctx context.Context, userID string) error {
	barred, err := m.store.suspension(ctx, userID)
	if err != nil {
		return err
	}
	return m.belongings.Return(ctx, userID, barred == nil)
}
