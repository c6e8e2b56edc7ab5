package app

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/voting"
)

// Names and places that people of the crowd may have.
var (
	firstNames = []string{
		"Ana", "Beto", "Camila", "Daniel", "Elena", "Felipe", "Gabriela", "Hugo", "Inés", "Julián", "Karla", "Luis",
		"Mariana", "Nicolás", "Olga", "Pablo", "Renata", "Santiago", "Tomás", "Valentina", "Ximena", "Zoé",
	}
	lastNames = []string{
		"Álvarez", "Bautista", "Castillo", "Díaz", "Espinosa", "Fernández", "Gómez", "Herrera", "Ibáñez", "Juárez",
		"López", "Muñoz", "Núñez", "Ortiz", "Peña", "Quintero", "Ramírez", "Suárez", "Torres", "Urrutia", "Vargas",
	}
	homes = [][2]string{
		{"Bogotá", "Colombia"},
		{"Medellín", "Colombia"},
		{"Cali", "Colombia"},
		{"Barranquilla", "Colombia"},
		{"Ciudad de México", "México"},
		{"Guadalajara", "México"},
		{"Monterrey", "México"},
		{"Puebla", "México"},
		{"Lima", "Perú"},
		{"Quito", "Ecuador"},
		{"Santiago", "Chile"},
		{"Buenos Aires", "Argentina"},
	}
	songs = []string{
		"Bachata de la lluvia", "Cumbia del río", "Salsa de medianoche", "Vals de la abuela", "Tango perdido",
		"Joropo llanero", "Bolero azul", "Son de la montaña", "Rap de la esquina", "Ranchera para ti",
	}
)

// dice are random numbers that belong to one thing of the crowd.
func (o crowd) dice(of string, i int) *rand.Rand {
	sum := o.sum(of, i)
	source := rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:]))
	return rand.New(source) //nolint:gosec // nothing secret depends on it
}

func (o crowd) sum(of string, i int) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d %s %d", o.seed, of, i))
}

// id returns a UUID of version 7 (RFC 9562 §5.7) whose random part is made up.
func (o crowd) id(of string, i int, at time.Time) string {
	sum := o.sum("id of "+of, i)
	var id uuid.UUID
	copy(id[:], sum[:])
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(at.UnixMilli()))
	copy(id[:6], stamp[2:])
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id.String()
}

func (o crowd) email(i int) string { return fmt.Sprintf("crowd-%d-%d@example.com", o.seed, i+1) }

// joined is when a person signed up: within the last month.
func (o crowd) joined(i int) time.Time {
	const month = 30 * 24 * time.Hour
	return o.until().Add(-month + time.Duration(o.dice("joined", i).Int64N(int64(month))).Truncate(time.Millisecond))
}

func (o crowd) personID(i int) string { return o.id("person", i, o.joined(i)) }

func (o crowd) person(i int, hash string) identity.User {
	dice := o.dice("person", i)
	home := dice.IntN(o.cities)
	place := homes[home%len(homes)]
	if home >= len(homes) {
		place[0] = fmt.Sprintf("%s %d", place[0], home/len(homes)+1)
	}
	return identity.User{
		ID: o.personID(i), Email: o.email(i), PasswordHash: hash, CreatedAt: o.joined(i),
		FirstName: firstNames[dice.IntN(len(firstNames))], LastName: lastNames[dice.IntN(len(lastNames))],
		City: place[0], Country: place[1],
	}
}

func (o crowd) video(i int) media.Video {
	dice := o.dice("video", i)
	left := o.until().Sub(o.joined(i))
	uploaded := o.joined(i).Add(time.Duration(dice.Int64N(max(1, int64(left)/2)))).Truncate(time.Millisecond)
	id := o.id("video", i, uploaded)
	return media.Video{
		ID: id, OwnerID: o.personID(i), Title: fmt.Sprintf("%s %d", songs[dice.IntN(len(songs))], i+1),
		Description: "Una presentación inventada.",
		Output:      media.Output{ProcessedKey: o.key(id, ".mp4"), PosterKey: o.key(id, ".jpg")},
		Duration:    35 * time.Second, UploadedAt: uploaded, ProcessedAt: uploaded.Add(time.Minute),
	}
}

func (o crowd) key(id, extension string) string { return o.prefix + "/" + id + "-1-seeded" + extension }

// entry gives a video so many votes, of as many people, evenly from its publication to today.
func (o crowd) entry(i int, owner identity.User, v media.Video, votes int) voting.Seeded {
	e := voting.Seeded{
		Entry: voting.Entry{
			VideoID: v.ID, UserID: owner.ID, PlayerName: owner.PlayerName(), City: owner.City, Country: owner.Country,
			Title: v.Title, Description: v.Description, Output: voting.Output(v.Output),
			Duration: v.Duration, UploadedAt: v.UploadedAt,
		},
		PublishedAt: v.ProcessedAt,
	}
	first := o.dice("voters", i).IntN(o.people())
	every := max(time.Microsecond, o.until().Sub(v.ProcessedAt)/time.Duration(votes+1))
	for n := range votes {
		e.Cast = append(e.Cast, voting.SeededVote{
			VoterID: o.ids[(first+n)%o.people()], At: v.ProcessedAt.Add(time.Duration(n+1) * every),
		})
	}
	return e
}

// spread returns the votes of each entry, which fall with its rank as numbers of listeners do (Zipf's law), in no
// order of the entries. No entry has more votes than there are people.
func (o crowd) spread() []int {
	ranks, sum := o.dice("ranks", 0).Perm(o.contestants), 0.0
	weight := func(i int) float64 { return 1 / math.Pow(float64(ranks[i]+1), 0.8) }
	for i := range ranks {
		sum += weight(i)
	}
	votes, left := make([]int, o.contestants), o.votes
	for i := range votes {
		votes[i] = min(o.people(), int(weight(i)/sum*float64(o.votes)))
		left -= votes[i]
	}
	for i := 0; left > 0; i = (i + 1) % len(votes) {
		if votes[i] < o.people() {
			votes[i]++
			left--
		}
	}
	return votes
}
