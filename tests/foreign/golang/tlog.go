// SPDX-License-Identifier: Apache-2.0

// What golang.org/x/mod/sumdb says about our trees, proofs and checkpoints. Reads questions, one a
// line, and answers each with "ok" or "no" and a reason. Leaf i of every tree is the decimal text of i.
//
//	root SIZE HASH                      the root of the tree of this size
//	path INDEX SIZE HASH...             the proof that leaf INDEX is in it: equal to ours, and taken
//	growth FROM TO HASH...              the proof that one tree begins the other: likewise
//	note VKEY TEXT NOTE                 opens, and says this text (both base64)
//
// Hashes are hex.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A tree in memory; it keeps what tlog wants stored.
type tree struct {
	stored []tlog.Hash
	size   int64
}

func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(t.stored)) {
			return nil, fmt.Errorf("there is no stored hash %d", index)
		}
		out[i] = t.stored[index]
	}
	return out, nil
}

func (t *tree) growTo(size int64) error {
	for ; t.size < size; t.size++ {
		hashes, err := tlog.StoredHashes(t.size, []byte(strconv.FormatInt(t.size, 10)), t)
		if err != nil {
			return err
		}
		t.stored = append(t.stored, hashes...)
	}
	return nil
}

func (t *tree) root(size int64) (tlog.Hash, error) {
	if err := t.growTo(size); err != nil {
		return tlog.Hash{}, err
	}
	return tlog.TreeHash(size, t)
}

func parseHashes(words []string) ([]tlog.Hash, error) {
	out := []tlog.Hash{}
	for _, word := range words {
		raw, err := hex.DecodeString(word)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("%q is no hash", word)
		}
		var hash tlog.Hash
		copy(hash[:], raw)
		out = append(out, hash)
	}
	return out, nil
}

func equal(ours []tlog.Hash, theirs []tlog.Hash) error {
	if len(ours) != len(theirs) {
		return fmt.Errorf("%d hashes, not %d", len(ours), len(theirs))
	}
	for i := range ours {
		if ours[i] != theirs[i] {
			return fmt.Errorf("hash %d is another one", i)
		}
	}
	return nil
}

func (t *tree) askRoot(size int64, hashes []tlog.Hash) error {
	root, err := t.root(size)
	if err != nil {
		return err
	}
	return equal(hashes, []tlog.Hash{root})
}

func (t *tree) askPath(index int64, size int64, hashes []tlog.Hash) error {
	root, err := t.root(size)
	if err != nil {
		return err
	}
	leaf := tlog.RecordHash([]byte(strconv.FormatInt(index, 10)))
	if err := tlog.CheckRecord(hashes, size, root, index, leaf); err != nil {
		return err
	}
	proof, err := tlog.ProveRecord(size, index, t)
	if err != nil {
		return err
	}
	return equal(hashes, proof)
}

func (t *tree) askGrowth(from int64, to int64, hashes []tlog.Hash) error {
	old, err := t.root(from)
	if err != nil {
		return err
	}
	grown, err := t.root(to)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(hashes, to, grown, from, old); err != nil {
		return err
	}
	proof, err := tlog.ProveTree(to, from, t)
	if err != nil {
		return err
	}
	return equal(hashes, proof)
}

func askNote(vkey string, text string, signed string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	wanted, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	bytes, err := base64.StdEncoding.DecodeString(signed)
	if err != nil {
		return err
	}
	opened, err := note.Open(bytes, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	if opened.Text != string(wanted) {
		return fmt.Errorf("it says something else")
	}
	return nil
}

func (t *tree) ask(words []string) error {
	if len(words) == 4 && words[0] == "note" {
		return askNote(words[1], words[2], words[3])
	}
	numbers := map[string]int{"root": 1, "path": 2, "growth": 2}[words[0]]
	if numbers == 0 || len(words) < 1+numbers {
		return fmt.Errorf("there is no such question")
	}
	var number [2]int64
	for i := 0; i < numbers; i++ {
		value, err := strconv.ParseInt(words[1+i], 10, 64)
		if err != nil {
			return err
		}
		number[i] = value
	}
	hashes, err := parseHashes(words[1+numbers:])
	if err != nil {
		return err
	}
	switch words[0] {
	case "root":
		return t.askRoot(number[0], hashes)
	case "path":
		return t.askPath(number[0], number[1], hashes)
	default:
		return t.askGrowth(number[0], number[1], hashes)
	}
}

func main() {
	ours := &tree{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		if err := ours.ask(strings.Fields(lines.Text())); err != nil {
			fmt.Fprintf(out, "no %v\n", err)
		} else {
			fmt.Fprintln(out, "ok")
		}
	}
}
