package paymint_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// source is one Go file; path and dir are slash-separated from the root.
type source struct {
	path, dir, room string
	test            bool // _test.go, or in a package made for tests
	generated       bool
	lines           int
	set             *token.FileSet
	syntax          *ast.File
}

// readTree parses every Go file of this module: not other modules inside the tree, nor what Go itself leaves out.
func readTree(tree fs.FS) ([]source, error) {
	var found []source
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // removed while we walked: a build's temporary file
		case err != nil:
			return err
		case entry.IsDir():
			return skipFolder(tree, name)
		case path.Ext(name) != ".go":
			return nil
		}
		file, err := readSource(tree, name)
		if err == nil {
			found = append(found, file)
		}
		return err
	})
	return found, err
}

func skipFolder(tree fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	_, err := fs.Stat(tree, path.Join(name, "go.mod"))
	if err == nil || base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules" || base == "vendor" {
		return fs.SkipDir
	}
	return nil
}

func readSource(tree fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return source{}, err
	}
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, fmt.Errorf("parse: %w", err)
	}
	dir := path.Dir(name)
	return source{
		path: name, dir: dir, room: roomOf(dir),
		test:      strings.HasSuffix(name, "_test.go") || forTests(dir),
		generated: ast.IsGenerated(syntax),
		lines:     bytes.Count(text, []byte("\n")),
		set:       set, syntax: syntax,
	}, nil
}

func roomOf(dir string) string {
	room, _, _ := strings.Cut(dir, "/")
	return room
}

// forTests tells a package made for tests by its name: eventstoretest, as the standard library's httptest.
func forTests(dir string) bool { return strings.HasSuffix(path.Base(dir), "test") }

// within tells whether dir is folder or lies below it.
func within(dir, folder string) bool { return dir == folder || strings.HasPrefix(dir, folder+"/") }

// imports lists the import paths of a file.
func (s source) imports() (paths []string) {
	for _, spec := range s.syntax.Imports {
		name, _ := strconv.Unquote(spec.Path.Value) // the parser has accepted it
		paths = append(paths, name)
	}
	return paths
}

// imported splits them: what is not ours by path, what is ours by folder from the root.
func (s source) imported() (outside, ours []string) {
	for _, name := range s.imports() {
		if folder, ok := strings.CutPrefix(name, module+"/"); ok {
			ours = append(ours, folder)
		} else {
			outside = append(outside, name)
		}
	}
	return outside, ours
}

func (s source) at(node ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.set.Position(node.Pos()).Line)
}

// uses finds library.Name for each of the names, under whatever name the file imports the library.
func (s source) uses(library string, names []string) (found []*ast.SelectorExpr) {
	local := ""
	for _, spec := range s.syntax.Imports {
		if name, _ := strconv.Unquote(spec.Path.Value); name == library {
			local = path.Base(library)
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	if local == "" {
		return nil
	}
	ast.Inspect(s.syntax, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if ok && slices.Contains(names, selector.Sel.Name) {
			if receiver, ok := selector.X.(*ast.Ident); ok && receiver.Name == local {
				found = append(found, selector)
			}
		}
		return true
	})
	return found
}

// functions measures each function from its first line to its closing brace; methods are Type.Name.
func (s source) functions() map[string]int {
	sizes := map[string]int{}
	for _, decl := range s.syntax.Decls {
		if function, ok := decl.(*ast.FuncDecl); ok {
			lines := s.set.Position(function.End()).Line - s.set.Position(function.Pos()).Line + 1
			sizes[functionName(function)] = lines
		}
	}
	return sizes
}

func functionName(function *ast.FuncDecl) string {
	if function.Recv == nil || len(function.Recv.List) == 0 {
		return function.Name.Name
	}
	receiver := function.Recv.List[0].Type
	for {
		switch t := receiver.(type) {
		case *ast.StarExpr:
			receiver = t.X
		case *ast.IndexExpr:
			receiver = t.X
		case *ast.IndexListExpr:
			receiver = t.X
		case *ast.Ident:
			return t.Name + "." + function.Name.Name
		default:
			return function.Name.Name
		}
	}
}

// splitWords cuts paths, snake_case and CamelCase into lower-case words; HTTPService is http, service.
func splitWords(name string) (words []string) {
	letters := []rune(name)
	start := 0
	cut := func(end int) {
		if end > start {
			words = append(words, strings.ToLower(string(letters[start:end])))
		}
		start = end
	}
	for i, letter := range letters {
		switch {
		case !unicode.IsLetter(letter):
			cut(i)
			start = i + 1
		case i > start && unicode.IsUpper(letter) && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])):
			cut(i)
		}
	}
	cut(len(letters))
	return words
}

// exported lists the names a file offers at top level: types, functions, methods, constants, variables.
func (s source) exported() (names []*ast.Ident) {
	add := func(name *ast.Ident) {
		if name.IsExported() {
			names = append(names, name)
		}
	}
	for _, decl := range s.syntax.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			add(decl.Name)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					add(spec.Name)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						add(name)
					}
				}
			}
		}
	}
	return names
}
