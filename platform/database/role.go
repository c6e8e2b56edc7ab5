package database

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// roleLock is the advisory lock under which AllowApp works, because PostgreSQL refuses two changes of a role at once.
const roleLock = 7266711

// AllowApp creates the PostgreSQL role, or sets its password if it exists, and lets it read and change the rows of all
// tables that exist by now. The role owns nothing: it can neither change nor drop a table, nor note a migration of the
// owners as applied. The caller's own role must be allowed to create roles. The password must be ASCII. The server gets
// only what verifies it, so that it cannot appear in the server's log.
func (db *DB) AllowApp(ctx context.Context, role, password string, owners ...Migrations) error {
	if db.dialect != PostgreSQL {
		return errors.New("allow the app's role: SQLite has no roles")
	}
	verifier, err := scramVerifier(password)
	if err != nil {
		return fmt.Errorf("allow the app's role: %w", err)
	}
	err = db.InTx(ctx, func(ctx context.Context) error {
		if _, err := db.Exec(ctx, "SELECT pg_advisory_xact_lock(?)", roleLock); err != nil {
			return err
		}
		var found struct {
			Schema string
			Exists bool
		}
		if err := db.Query(ctx, &found, `SELECT current_schema() AS schema,
			EXISTS (SELECT 1 FROM pg_roles WHERE rolname = ?) AS "exists"`, role); err != nil {
			return err
		}
		for _, statement := range allowances(role, verifier, found.Schema, found.Exists, owners) {
			if _, err := db.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("allow the app's role %s: %w", role, withHint(err))
	}
	return nil
}

// AwaitApp lets the role, if it exists, read and change the rows of tables that the caller's role creates from now on.
// Call it before Migrate: processes that are at work meanwhile need new tables, which triggers of old ones may write,
// as soon as they are there. AllowApp must follow.
func (db *DB) AwaitApp(ctx context.Context, role string) error {
	var found struct {
		Schema string
		Exists bool
	}
	err := db.Query(ctx, &found, `SELECT current_schema() AS schema,
		EXISTS (SELECT 1 FROM pg_roles WHERE rolname = ?) AS "exists"`, role)
	if err == nil && found.Exists {
		_, err = db.Exec(ctx, "ALTER DEFAULT PRIVILEGES IN SCHEMA "+pgx.Identifier{found.Schema}.Sanitize()+
			" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "+pgx.Identifier{role}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("let the app's role %s use new tables: %w", role, withHint(err))
	}
	return nil
}

func allowances(role, verifier, schema string, exists bool, owners []Migrations) []string {
	quote := func(name string) string { return pgx.Identifier{name}.Sanitize() }
	put := "CREATE"
	if exists {
		put = "ALTER"
	}
	role, in := quote(role), " IN SCHEMA "+quote(schema)
	statements := []string{
		// A verifier has no quote.
		put + " ROLE " + role + " LOGIN PASSWORD '" + verifier + "'",
		// PostgreSQL before version 15 lets everyone create tables.
		"REVOKE CREATE ON SCHEMA " + quote(schema) + " FROM PUBLIC",
		"GRANT USAGE ON SCHEMA " + quote(schema) + " TO " + role,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES" + in + " TO " + role,
		"GRANT USAGE, SELECT ON ALL SEQUENCES" + in + " TO " + role,
	}
	for _, owner := range owners {
		statements = append(statements,
			"REVOKE INSERT, UPDATE, DELETE ON "+quote(owner.Name+"_goose_version")+" FROM "+role)
	}
	return statements
}

// scramVerifier returns what PostgreSQL stores of a password (RFC 5803): enough to verify it, but not to sign in.
func scramVerifier(password string) (string, error) {
	const iterations = 4096 // PostgreSQL's own number
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, iterations, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	sign := func(text string) []byte {
		mac := hmac.New(sha256.New, salted)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	stored := sha256.Sum256(sign("Client Key"))
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s",
		iterations, encode(salt), encode(stored[:]), encode(sign("Server Key"))), nil
}
