// SPDX-License-Identifier: Apache-2.0

// What golang.org/x/mod/sumdb says about a real ledger: opens its checkpoint, rebuilds the tree from
// the events, proves and checks every event.
//
//	ledger VKEY NOTE-FILE EVENTS-FILE    EVENTS-FILE: one event a line, base64, in order
//
// Exit 0 when everything holds, 1 with a reason when not, 2 for wrong use.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(s)) {
			return nil, fmt.Errorf("there is no stored hash %d", index)
		}
		out[i] = s[index]
	}
	return out, nil
}

func check(vkey, noteFile, eventsFile string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	bytes, err := os.ReadFile(noteFile)
	if err != nil {
		return err
	}
	opened, err := note.Open(bytes, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] != verifier.Name() {
		return fmt.Errorf("the note is not a checkpoint of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return err
	}

	file, err := os.Open(eventsFile)
	if err != nil {
		return err
	}
	defer file.Close()
	var tree stored
	var events [][]byte
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 1<<20), 1<<20)
	for scanner.Scan() && int64(len(events)) < size {
		event, err := base64.StdEncoding.DecodeString(scanner.Text())
		if err != nil {
			return err
		}
		hashes, err := tlog.StoredHashes(int64(len(events)), event, tree)
		if err != nil {
			return err
		}
		tree = append(tree, hashes...)
		events = append(events, event)
	}
	if int64(len(events)) < size {
		return fmt.Errorf("the checkpoint says %d events, there are %d", size, len(events))
	}
	computed, err := tlog.TreeHash(size, tree)
	if err != nil {
		return err
	}
	if computed != root {
		return fmt.Errorf("the events have another root than the checkpoint")
	}
	for index, event := range events {
		proof, err := tlog.ProveRecord(size, int64(index), tree)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(proof, size, root, int64(index), tlog.RecordHash(event)); err != nil {
			return fmt.Errorf("event %d: %v", index, err)
		}
	}
	fmt.Printf("%d events under %s\n", size, lines[2])
	return nil
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "ledger VKEY NOTE-FILE EVENTS-FILE")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
