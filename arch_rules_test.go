package paymint_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// rules is one house's tables; each check reads only the part it is about.
type rules struct {
	rooms            map[string][]string
	testsToo         map[string][]string
	partsApart       map[string][]string
	homes            []home
	pure             purity
	noFloats         []string
	floatsAllowed    map[string]string
	functionLinesMax int
	fileLinesMax     int
	oversize         map[string]int
	emptyWords       []string
	wordsAllowed     map[string]string
}

// home names the rooms (or folders) that may import a library.
type home struct {
	library string
	rooms   []string
	why     string
}

// purity names what pure rooms may neither import nor call.
type purity struct {
	rooms   []string
	imports []string
	calls   map[string][]string
}

// check looks at a tree and says, one sentence each, what is wrong and what to do.
type check func([]source) []string

func (r rules) checks() map[string]check {
	return map[string]check{
		"RoomsImportOnlyWhatTheirRowAllows": r.imports,
		"PartsOfARoomStandApart":            r.neighbours,
		"TestPackagesServeTestsOnly":        r.testPackages,
		"LibrariesStayAtHome":               r.libraries,
		"PureRoomsTouchNothingOutside":      r.purity,
		"MoneyIsNeverAFloat":                r.floats,
		"PiecesStaySmall":                   r.sizes,
		"NamesSaySomething":                 r.words,
	}
}

// imports holds the table of rooms.
func (r rules) imports(tree []source) (findings []string) {
	for _, file := range tree {
		if file.dir == "." {
			continue // tests of the whole house
		}
		allowed, known := r.rooms[file.room]
		if !known {
			findings = append(findings, fmt.Sprintf("%s: room %q is not in the table. Put the file into the room it belongs to, or add a row and write down why the room exists.", file.path, file.room))
			continue
		}
		if file.test {
			allowed = slices.Concat(allowed, r.testsToo[file.room])
		}
		_, ours := file.imported()
		for _, folder := range ours {
			if room := roomOf(folder); room != file.room && !slices.Contains(allowed, room) {
				findings = append(findings, fmt.Sprintf("%s imports %s, but %s may import only %v. Declare the one or two methods you need as an interface here, and let cmd/paymint pass the value in.", file.path, folder, file.room, allowed))
			}
		}
	}
	return findings
}

// neighbours keeps the parts of a room from growing into each other.
func (r rules) neighbours(tree []source) (findings []string) {
	for _, file := range tree {
		shared, apart := r.partsApart[file.room]
		if file.test || !apart {
			continue
		}
		_, ours := file.imported()
		for _, folder := range ours {
			if roomOf(folder) == file.room && folder != file.room && !slices.Contains(shared, folder) && !within(file.dir, folder) && !within(folder, partOf(file.dir)) {
				findings = append(findings, fmt.Sprintf("%s imports %s, a part beside or below it. What both need belongs to %s itself; what one needs of the other comes in through cmd/paymint.", file.path, folder, file.room))
			}
		}
	}
	return findings
}

// partOf cuts eventstore/relay/lease to eventstore/relay; of the room itself it makes a name below which nothing lies.
func partOf(dir string) string {
	elements := strings.SplitN(dir, "/", 3)
	if len(elements) == 1 {
		return dir + "/."
	}
	return elements[0] + "/" + elements[1]
}

// testPackages keeps what is made for tests out of the binary.
func (r rules) testPackages(tree []source) (findings []string) {
	for _, file := range tree {
		_, ours := file.imported()
		for _, folder := range ours {
			if forTests(folder) && !file.test {
				findings = append(findings, fmt.Sprintf("%s imports %s, which is made for tests. Move what the product needs into a package of its own.", file.path, folder))
			}
		}
	}
	return findings
}

// libraries keeps each library with a home in it. Tests may drive any of them.
func (r rules) libraries(tree []source) (findings []string) {
	for _, file := range tree {
		if file.test {
			continue
		}
		for _, name := range file.imports() {
			for _, home := range r.homes {
				if within(name, home.library) && !slices.ContainsFunc(home.rooms, func(room string) bool { return within(file.dir, room) }) {
					findings = append(findings, fmt.Sprintf("%s imports %s, whose home is %v: %s. Ask that room for what you need.", file.path, name, home.rooms, home.why))
				}
			}
		}
	}
	return findings
}

// purity keeps clock, chance, network, disk and cancellation out of the rules.
func (r rules) purity(tree []source) (findings []string) {
	for _, file := range tree {
		if file.test || !slices.Contains(r.pure.rooms, file.room) {
			continue
		}
		outside, _ := file.imported()
		for _, name := range outside {
			if slices.ContainsFunc(r.pure.imports, func(banned string) bool { return within(name, banned) }) {
				findings = append(findings, fmt.Sprintf("%s imports %s. Rules are pure: take the value as a field of the command.", file.path, name))
			}
		}
		for library, names := range r.pure.calls {
			for _, use := range file.uses(library, names) {
				findings = append(findings, fmt.Sprintf("%s uses %s.%s. Rules are pure: times and ids arrive with the command.", file.at(use), path.Base(library), use.Sel.Name))
			}
		}
	}
	return findings
}

// floats keeps binary fractions off the roads money travels.
func (r rules) floats(tree []source) (findings []string) {
	unused := keys(r.floatsAllowed)
	for _, file := range tree {
		if file.test || !slices.Contains(r.noFloats, file.room) {
			continue
		}
		at := firstFloat(file)
		if at == "" {
			continue
		}
		if _, allowed := r.floatsAllowed[file.path]; allowed {
			delete(unused, file.path)
			continue
		}
		findings = append(findings, at+" uses a float. Money is int64 minor units; a rate is a decimal or a pair of integers. If no money comes near, add the file to floatsAllowed with the reason.")
	}
	return append(findings, stale(unused, "floatsAllowed")...)
}

func firstFloat(file source) (at string) {
	ast.Inspect(file.syntax, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.Ident:
			if at == "" && (node.Name == "float64" || node.Name == "float32" || node.Name == "ParseFloat") {
				at = file.at(node)
			}
		case *ast.BasicLit:
			if at == "" && node.Kind == token.FLOAT {
				at = file.at(node)
			}
		}
		return at == ""
	})
	return at
}

// sizes is the ratchet: small pieces, and exceptions that only shrink.
func (r rules) sizes(tree []source) (findings []string) {
	unused := keys(r.oversize)
	measure := func(name string, lines, most int, advice string) {
		known, listed := r.oversize[name]
		switch {
		case lines <= most:
			return // an exception that fits now stays in unused and is reported
		case !listed:
			findings = append(findings, fmt.Sprintf("%s has %d lines, at most %d may be. %s", name, lines, most, advice))
		case lines > known:
			findings = append(findings, fmt.Sprintf("%s grew from %d to %d lines. An exception may only shrink. %s", name, known, lines, advice))
		case lines < known:
			findings = append(findings, fmt.Sprintf("%s shrank from %d to %d lines: good. Write %d into oversize, so that it stays.", name, known, lines, lines))
		}
		delete(unused, name)
	}
	for _, file := range tree {
		if file.generated {
			continue
		}
		measure(file.path, file.lines, r.fileLinesMax, "Find the second subject in it and give that a file.")
		if file.test {
			continue
		}
		for name, lines := range file.functions() {
			measure(file.path+":"+name, lines, r.functionLinesMax, "Name the steps and make them functions.")
		}
	}
	return append(findings, stale(unused, "oversize")...)
}

// words refuses names that could stand over anything.
func (r rules) words(tree []source) (findings []string) {
	unused := keys(r.wordsAllowed)
	look := func(key, where, name string) {
		word := r.emptyWord(name)
		if word == "" {
			return
		}
		if _, allowed := r.wordsAllowed[key]; allowed {
			delete(unused, key)
			return
		}
		findings = append(findings, fmt.Sprintf("%s: %q says %q, which says nothing. Name what it does or holds, in the words of payments.", where, name, word))
	}
	for _, file := range tree {
		if file.generated {
			continue
		}
		look(file.path, file.path, strings.TrimSuffix(file.path, ".go"))
		look(file.path, file.path, file.syntax.Name.Name)
		for _, name := range file.exported() {
			look(file.path+":"+name.Name, file.at(name), name.Name)
		}
	}
	return append(findings, stale(unused, "wordsAllowed")...)
}

func (r rules) emptyWord(name string) string {
	for _, word := range splitWords(name) {
		for _, empty := range r.emptyWords {
			if word == empty || word == empty+"s" {
				return empty
			}
		}
	}
	return ""
}

func keys[V any](table map[string]V) map[string]bool {
	names := make(map[string]bool, len(table))
	for name := range table {
		names[name] = true
	}
	return names
}

func stale(unused map[string]bool, table string) (findings []string) {
	for name := range unused {
		findings = append(findings, fmt.Sprintf("%s lists %s, which no longer needs it. Remove the line, so that it cannot come back.", table, name))
	}
	slices.Sort(findings)
	return findings
}
