package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/paymint/paymint/domain/codec"
)

// A parcel's event, through three shapes. Schema 1 counted grams as "weight"; 2
// named the unit; 3 added the carrier, which was always the post before.
type weighed struct {
	Milligrams int64  `json:"mg"`
	Carrier    string `json:"carrier"`
}

type weighedV1 struct {
	Weight int64 `json:"weight"`
}

type weighedV2 struct {
	Milligrams int64 `json:"mg"`
}

func liftWeighed1(body []byte) ([]byte, error) {
	var old weighedV1
	if err := codec.Read(body, &old); err != nil {
		return nil, err
	}
	if old.Weight > math.MaxInt64/1000 {
		return nil, fmt.Errorf("weight %d overflows", old.Weight)
	}
	return codec.Append(nil, weighedV2{Milligrams: old.Weight * 1000})
}

func liftWeighed2(body []byte) ([]byte, error) {
	var old weighedV2
	if err := codec.Read(body, &old); err != nil {
		return nil, err
	}
	return codec.Append(nil, weighed{Milligrams: old.Milligrams, Carrier: "post"})
}

var parcels = codec.Kinds[any]{
	"parcel.weighed": codec.Of[weighed, any](liftWeighed1, liftWeighed2),
}

func TestBodiesOfEverySchemaAreReadAsTheNewest(t *testing.T) {
	t.Parallel()
	for schema, body := range map[int]string{
		1: `{"weight":250}`,
		2: `{"mg":250000}`,
		3: `{"mg":250000,"carrier":"post"}`,
	} {
		got, err := parcels.Decode("parcel.weighed", schema, []byte(body))
		if want := (weighed{Milligrams: 250_000, Carrier: "post"}); err != nil || got != want {
			t.Errorf("schema %d: got %+v, %v", schema, got, err)
		}
	}
}

func TestTheNewestSchemaIsWritten(t *testing.T) {
	t.Parallel()
	typ, schema, body, err := parcels.Encode("parcel.weighed", weighed{Milligrams: 5, Carrier: "bike"})
	if err != nil || typ != "parcel.weighed" || schema != 3 || string(body) != `{"mg":5,"carrier":"bike"}` {
		t.Errorf("wrote %s.v%d %s: %v", typ, schema, body, err)
	}
}

func TestAnOldBodyIsReadByItsOwnShapeOnly(t *testing.T) {
	t.Parallel()
	for schema, body := range map[int]string{
		1: `{"mg":250000}`,
		2: `{"mg":1,"carrier":"post"}`,
		3: `{"weight":250}`,
	} {
		if got, err := parcels.Decode("parcel.weighed", schema, []byte(body)); err == nil {
			t.Errorf("schema %d read %s as %+v", schema, body, got)
		}
	}
	_, err := parcels.Decode("parcel.weighed", 1, []byte(`{"weight":9223372036854775807}`))
	if err == nil || !strings.Contains(err.Error(), "from schema 1") {
		t.Errorf("a body that cannot be lifted: %v", err)
	}
}

func TestWhatANewerBinaryWroteIsNamedSo(t *testing.T) {
	t.Parallel()
	if _, err := parcels.Decode("parcel.weighed", 4, []byte(`{}`)); !errors.Is(err, codec.ErrUnknownSchema) {
		t.Errorf("schema 4: %v", err)
	}
	if _, err := parcels.Decode("parcel.lost", 1, []byte(`{}`)); !errors.Is(err, codec.ErrUnknownType) {
		t.Errorf("unknown type: %v", err)
	}
	if _, _, _, err := parcels.Encode("parcel.lost", weighed{}); !errors.Is(err, codec.ErrUnknownType) {
		t.Errorf("unknown type: %v", err)
	}
}

func TestTheWriterLeavesOutWhatIsZeroWhenAsked(t *testing.T) {
	t.Parallel()
	w := codec.Open([]byte("x"))
	w.OmitString("a", "")
	w.OmitInt("b", 0)
	w.OmitStrings("c", nil)
	w.OmitInt("d", -7)
	inner := w.Object("e")
	inner.OmitStrings("f", map[string]string{"z": "1", "a\"": "2"})
	w.Resume(inner)
	empty := w.Object("g")
	w.Resume(empty)
	w.Time("h", time.Date(2026, 4, 11, 14, 0, 0, 1000, time.FixedZone("", 7200)))
	got, err := w.Close()
	want := []byte(`x{"d":-7,"e":{"f":{"a\"":"2","z":"1"}},"g":{},"h":"2026-04-11T12:00:00.000001Z"}`)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("wrote\n%s, want\n%s: %v", got, want, err)
	}
}

func TestTextThatIsNotUnicodeIsAnErrorOfTheWholeObject(t *testing.T) {
	t.Parallel()
	w := codec.Open(nil)
	inner := w.Object("a")
	inner.String("b", "\xff")
	w.Resume(inner)
	w.String("c", "fine")
	if body, err := w.Close(); err == nil {
		t.Errorf("wrote %s", body)
	}
}
