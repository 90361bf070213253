package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/failpoint"
)

// errConflict: the stream does not stand where the batch began, because another
// relay published or messages of the batch were lost on the way. Nothing is wrong.
var errConflict = errors.New("the stream stands elsewhere")

// The codes of a message whose expected last sequence is not the stream's.
const (
	wrongLastSequence         jetstream.ErrorCode = 10071
	wrongLastSequenceConstant jetstream.ErrorCode = 10164 // a replicated stream's
)

// publish sends a batch and waits for one acknowledgement, that of its last message.
// The stream takes a message only behind its predecessor, so when the last one is in
// at its position, all of them are. A message that is refused has nobody to tell it
// to, but then every later one of the batch is refused too, the last one aloud.
func (r *Relay) publish(ctx context.Context, batch eventstore.Batch) error {
	if err := r.subscribe(); err != nil {
		return err
	}
	count := len(batch.Events)
	last := batch.Events[count-1].Position
	if r.msg.Header == nil {
		r.msg.Header = nats.Header{jetstream.ExpectedLastSeqHeader: []string{""}}
	}
	expected := r.msg.Header[jetstream.ExpectedLastSeqHeader]
	var buffer []byte
	reply := r.inbox + strconv.FormatInt(last, 10)
	for i := range batch.Events {
		e := &batch.Events[i]
		r.msg.Subject, r.msg.Reply = eventstore.Subject(r.Lane, *e), ""
		if i == count-1 {
			r.msg.Reply = reply
		}
		expected[0] = strconv.FormatInt(e.Position-1, 10)
		buffer = frame(&batch, i, buffer)
		r.msg.Data = buffer
		if err := r.Conn.PublishMsg(&r.msg); err != nil {
			return fmt.Errorf("publish position %d of lane %d: %w", e.Position, r.Lane, err)
		}
	}
	failpoint.Hit("relay.batch_sent")
	if err := r.acknowledged(ctx, reply, last); err != nil {
		return err
	}
	failpoint.Hit("relay.batch_acknowledged")
	r.last = last
	r.meter.published.Add(uint64(count))
	r.meter.position.set(last)
	return nil
}

// subscribe opens the inbox for acknowledgements, once.
func (r *Relay) subscribe() error {
	if r.replies != nil && r.replies.IsValid() {
		return nil
	}
	inbox := nats.NewInbox() + "."
	replies, err := r.Conn.SubscribeSync(inbox + "*")
	if err != nil {
		return fmt.Errorf("listen for acknowledgements: %w", err)
	}
	r.replies, r.inbox = replies, inbox
	return nil
}

// acknowledged waits for the answer to the message that asked for one. Answers to
// earlier batches, which were given up, are passed over.
func (r *Relay) acknowledged(ctx context.Context, reply string, position int64) error {
	ctx, cancel := context.WithTimeout(ctx, r.AckPatience)
	defer cancel()
	for {
		message, err := r.replies.NextMsgWithContext(ctx)
		if err != nil {
			return r.unanswered(fmt.Errorf("position %d of lane %d was not acknowledged: %w", position, r.Lane, err))
		}
		if message.Subject != reply {
			continue
		}
		return r.judge(message, position)
	}
}

func (r *Relay) judge(message *nats.Msg, position int64) error {
	var answer struct {
		Sequence uint64              `json:"seq"`
		Error    *jetstream.APIError `json:"error"`
	}
	if message.Header.Get("Status") == "503" {
		return r.unanswered(fmt.Errorf("nobody takes messages of lane %d: no stream", r.Lane))
	}
	if err := json.Unmarshal(message.Data, &answer); err != nil {
		return fmt.Errorf("acknowledgement of position %d of lane %d: %w", position, r.Lane, err)
	}
	switch {
	case answer.Error != nil && (answer.Error.ErrorCode == wrongLastSequence || answer.Error.ErrorCode == wrongLastSequenceConstant):
		r.meter.conflicts.Inc()
		r.conflictAt = r.last
		return errConflict
	case answer.Error != nil:
		return r.unanswered(fmt.Errorf("position %d of lane %d was refused: %w", position, r.Lane, answer.Error))
	case answer.Sequence != uint64(position):
		return fmt.Errorf("position %d of lane %d became message %d", position, r.Lane, answer.Sequence)
	}
	r.timeouts = 0
	return nil
}

// unanswered counts the times the server did not do its work, and restarts it when
// it does not come back by itself.
func (r *Relay) unanswered(err error) error {
	r.timeouts++
	if r.timeouts < restartAfter || r.Restart == nil {
		return err
	}
	r.timeouts = 0
	r.meter.restarts.Inc()
	r.Logger.Error("relay: the NATS server does not acknowledge and is restarted", "error", err)
	if restart := r.Restart(); restart != nil {
		return errors.Join(err, fmt.Errorf("restart the NATS server: %w", restart))
	}
	return err
}
