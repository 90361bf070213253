package api

// codebook finds rows of the table of errors.
type codebook map[string]codeDoc

func newCodebook() codebook {
	book := make(codebook)
	for _, row := range codeTable() {
		book[row.Code] = row
	}
	return book
}

// row finds code's row. A code without one is a bug of ours and answers as such.
func (b codebook) row(code string) codeDoc {
	if row, ok := b[code]; ok {
		return row
	}
	return b[codeInternal]
}

// card finds the row of a failed payment's code; codes that are only ours to know
// answer as a plain processing_error.
func (b codebook) card(code string) codeDoc {
	if row, ok := b[code]; ok && row.Type == typeCard {
		return row
	}
	return b[codeAcquirerRefused]
}

// envelope writes the body of an error.
func (s *Server) envelope(requestID string, row codeDoc, f *failure) []byte {
	o := s.openEnvelope(make([]byte, 0, 384), requestID, row, f.fault)
	if len(f.all) > 0 {
		o.name("errors")
		o.buf = append(o.buf, '[')
		for i, wrong := range f.all {
			if i > 0 {
				o.buf = append(o.buf, ',')
			}
			o.open()
			o.text("code", wrong.Code)
			o.textOrNull("param", wrong.Param)
			o.text("message", wrong.Message)
			o.close()
		}
		o.buf = append(o.buf, ']')
	}
	o.close()
	o.close()
	return o.buf
}

// openEnvelope writes the fields that every error has and leaves both objects open.
func (s *Server) openEnvelope(buf []byte, requestID string, row codeDoc, f fault) object {
	o := object{buf: buf}
	o.open()
	o.name("error")
	o.open()
	o.text("type", row.Type)
	o.text("code", row.Code)
	o.text("message", f.Message)
	o.textOrNull("param", f.Param)
	o.text("doc_url", s.baseURL+"/docs/errors#"+row.Code)
	o.text("request_id", requestID)
	return o
}

// declined is the 402 of a payment that failed, with the payment inside.
type declined struct {
	code, declineCode, retryAdvice, message string
	payment                                 []byte
}

func (s *Server) declineEnvelope(requestID string, d declined) []byte {
	row := s.codes.card(d.code)
	o := s.openEnvelope(make([]byte, 0, 512+len(d.payment)), requestID, row, fault{Message: d.message})
	o.textOrNull("decline_code", d.declineCode)
	o.textOrNull("retry_advice", d.retryAdvice)
	o.raw("payment", d.payment)
	o.close()
	o.close()
	return o.buf
}
