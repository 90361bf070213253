package invariants

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func TestTheSorterSortsWhatDoesNotFitIntoMemory(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, 64, 65, 1000} {
		dir := t.TempDir()
		s := newSorter(4, dir)
		s.full = 4 * 64 // runs of 64 records
		random := rand.New(rand.NewPCG(1, uint64(count)))
		var want [][]byte
		for range count {
			record := []byte{byte(random.IntN(8)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))}
			want = append(want, record)
			if err := s.add(record); err != nil {
				t.Fatal(err)
			}
		}
		slices.SortFunc(want, bytes.Compare)
		var got [][]byte
		if err := s.walk(func(record []byte) error {
			got = append(got, bytes.Clone(record))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%d records: not the same, in order", count)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%d records: %d files left in sight (%v)", count, len(left), err)
		}
		s.close()
	}
}
