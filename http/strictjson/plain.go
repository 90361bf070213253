package strictjson

// plain refuses what the grammar allows and we do not: deep nesting, before the
// library recurses into it, and control characters, raw or escaped. It reads
// garbage too, so it must not rely on any grammar.
func plain(body []byte) error {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			end, err := plainString(body, i+1)
			if err != nil {
				return err
			}
			i = end
		case c == '{' || c == '[':
			if depth++; depth > DepthMax {
				return &SyntaxError{Offset: i, Reason: "nested deeper than 16"}
			}
		case c == '}' || c == ']':
			depth--
		case c < ' ' && c != '\n' && c != '\r' && c != '\t', c == 0x7F:
			return &SyntaxError{Offset: i, Reason: "control character"}
		}
	}
	return nil
}

// plainString looks at the string that starts at i and returns where its quote closes.
func plainString(body []byte, i int) (int, error) {
	for ; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			return i, nil
		case c == '\\':
			if controlEscape(body[i+1:]) {
				return 0, &SyntaxError{Offset: i, Reason: "escaped control character"}
			}
			i++ // what is escaped does not close the string
		case c < ' ', c == 0x7F, c == 0xC2 && i+1 < len(body) && body[i+1] >= 0x80 && body[i+1] <= 0x9F:
			return 0, &SyntaxError{Offset: i, Reason: "control character"}
		}
	}
	return i, nil // unclosed: the grammar says so
}

// controlEscape reports whether what follows a backslash is \n, \t … or \u00XX
// of C0, DEL or C1.
func controlEscape(rest []byte) bool {
	if len(rest) == 0 {
		return false
	}
	switch rest[0] {
	case 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		if len(rest) < 5 || rest[1] != '0' || rest[2] != '0' {
			return false
		}
		high, low := rest[3], rest[4]
		return high == '0' || high == '1' || high == '8' || high == '9' || (high == '7' && (low == 'f' || low == 'F'))
	}
	return false
}
