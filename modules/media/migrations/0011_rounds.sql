-- +goose Up
-- One row: how far the look for published files is, and which worker's turn it is.
CREATE TABLE media_rounds (
	name         TEXT   PRIMARY KEY,
	turn         BIGINT NOT NULL DEFAULT 0,  -- whoever takes the round raises it; the one before has lost it
	lease_until  BIGINT NOT NULL DEFAULT 0,
	after_id     TEXT   NOT NULL DEFAULT '', -- the videos up to this one are done; '': no round is under way
	began_at     BIGINT NOT NULL DEFAULT 0,
	completed_at BIGINT NOT NULL DEFAULT 0   -- of the last complete round; 0: none
);
INSERT INTO media_rounds (name) VALUES ('published');

-- +goose Down
DROP TABLE media_rounds;
