package media

type row struct{}

func (row) TableName() string { return "videos" }

func list(db interface{ Table(string) any }) { db.Table("clips AS c") }

const entries = `select * from media_videos m, voting_entries e where e.id = m.id`

const accounts = `SELECT * FROM public."accounts" JOIN media_videos ON true`
