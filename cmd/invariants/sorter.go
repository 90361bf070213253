package invariants

import (
	"bufio"
	"bytes"
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	// sorterRun is how many bytes are sorted in memory before they become a run on disk.
	sorterRun = 8 << 20
	// sorterBuffer is what each run takes while all are merged.
	sorterBuffer = 64 << 10
)

// sorter sorts records of one size by their bytes, any number of them in bounded
// memory. Little stays in memory; more goes to files that are gone when the process
// is, however it ends.
type sorter struct {
	size int
	dir  string
	full int
	now  []byte
	runs []*os.File
}

func newSorter(size int, dir string) *sorter {
	return &sorter{size: size, dir: dir, full: sorterRun / size * size}
}

func (s *sorter) add(record []byte) error {
	if len(s.now) >= s.full {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.now = append(s.now, record...)
	return nil
}

// spill writes what is in memory as a sorted run.
func (s *sorter) spill() error {
	file, err := os.CreateTemp(s.dir, "paymint-sort-*")
	if err != nil {
		return fmt.Errorf("make a file to sort in: %w", err)
	}
	s.runs = append(s.runs, file)
	if err := os.Remove(file.Name()); err != nil { // the open file stays usable
		return fmt.Errorf("sort on disk: %w", err)
	}
	w := bufio.NewWriterSize(file, sorterBuffer)
	for _, record := range s.sorted() {
		if _, err := w.Write(record); err != nil {
			return fmt.Errorf("sort on disk: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("sort on disk: %w", err)
	}
	s.now = s.now[:0]
	return nil
}

func (s *sorter) sorted() [][]byte {
	records := slices.Collect(slices.Chunk(s.now, s.size))
	slices.SortFunc(records, bytes.Compare)
	return records
}

// walk gives every record in order. The slice is good until visit returns.
func (s *sorter) walk(visit func(record []byte) error) error {
	var sources sourceHeap
	for _, file := range s.runs {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read sorted run: %w", err)
		}
		run := &source{from: bufio.NewReaderSize(file, sorterBuffer), record: make([]byte, s.size)}
		if more, err := run.next(); err != nil {
			return err
		} else if more {
			sources = append(sources, run)
		}
	}
	if rest := bytes.Join(s.sorted(), nil); len(rest) > 0 {
		run := &source{from: bufio.NewReader(bytes.NewReader(rest)), record: make([]byte, s.size)}
		if _, err := run.next(); err != nil {
			return err
		}
		sources = append(sources, run)
	}
	heap.Init(&sources)
	for len(sources) > 0 {
		if err := visit(sources[0].record); err != nil {
			return err
		}
		more, err := sources[0].next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&sources, 0)
		} else {
			heap.Pop(&sources)
		}
	}
	return nil
}

func (s *sorter) close() {
	for _, file := range s.runs {
		_ = file.Close()
	}
	s.runs, s.now = nil, nil
}

// source is one run under merge.
type source struct {
	from   *bufio.Reader
	record []byte
}

func (s *source) next() (bool, error) {
	_, err := io.ReadFull(s.from, s.record)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read sorted run: %w", err)
	}
	return true, nil
}

// sourceHeap implements heap.Interface, smallest record first.
type sourceHeap []*source

func (h sourceHeap) Len() int           { return len(h) }
func (h sourceHeap) Less(i, j int) bool { return bytes.Compare(h[i].record, h[j].record) < 0 }
func (h sourceHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *sourceHeap) Push(x any) { *h = append(*h, x.(*source)) } //nolint:errcheck // nothing else is ever pushed

// Pop implements heap.Interface.
func (h *sourceHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
