// Verifies a published log with the Go team's packages alone: golang.org/x/mod/sumdb/note and tlog.
//
// No tile is believed, and their tile reader is not used: the entries are hashed, the tree is rebuilt from them, the
// root is compared with the signed checkpoint, and every tile file with the bytes the rebuilt tree makes. Further
// arguments are proof files, each checked with the entry beside it.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, arguments ...interface{}) {
	fmt.Printf("refused: "+format+"\n", arguments...)
	os.Exit(1)
}

func read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		fail("%v", err)
	}
	return data
}

func tilePath(kind string, number int64, width int) string {
	path := fmt.Sprintf("%03d", number%1000)
	for number /= 1000; number > 0; number /= 1000 {
		path = fmt.Sprintf("x%03d/%s", number%1000, path)
	}
	if width < 256 {
		path += ".p/" + strconv.Itoa(width)
	}
	return "tile/" + kind + "/" + path
}

func open(message []byte, verifier note.Verifier) (int64, tlog.Hash) {
	signed, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		fail("checkpoint: %v", err)
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		fail("checkpoint: another origin than the key's")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		fail("checkpoint: %v", err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		fail("checkpoint: %v", err)
	}
	return size, root
}

func checkProof(path string, verifier note.Verifier) {
	text := string(read(path))
	head, checkpoint, found := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("%s: no proof", path)
	}
	size, root := open([]byte(checkpoint), verifier)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		fail("%s: %v", path, err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			fail("%s: %v", path, err)
		}
		proof = append(proof, hash)
	}
	entry := read(strings.TrimSuffix(path, filepath.Ext(path)) + ".entry")
	if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry)); err != nil {
		fail("%s: %v", path, err)
	}
}

func main() {
	folder := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(folder, "vkey"))))
	if err != nil {
		fail("key: %v", err)
	}
	size, root := open(read(folder, "checkpoint"), verifier)
	stored := make([]tlog.Hash, 0, 2*size)
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	for first := int64(0); first < size; first += 256 {
		width := 256
		if size-first < 256 {
			width = int(size - first)
		}
		bundle := read(folder, tilePath("entries", first/256, width))
		for i := 0; i < width; i++ {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				fail("entry %d is cut off", first+int64(i))
			}
			length := int(binary.BigEndian.Uint16(bundle))
			hashes, err := tlog.StoredHashes(first+int64(i), bundle[2:2+length], reader)
			if err != nil {
				fail("entry %d: %v", first+int64(i), err)
			}
			stored = append(stored, hashes...)
			bundle = bundle[2+length:]
		}
		if len(bundle) != 0 {
			fail("the bundle of entry %d is too long", first)
		}
	}
	made, err := tlog.TreeHash(size, reader)
	if err != nil || made != root {
		fail("the entries make the root %v, and %v was signed", made, root)
	}
	tiles := 0
	for level, count := 0, size; count > 0; level, count = level+1, count>>8 {
		for number := int64(0); number*256 < count; number++ {
			width := 256
			if count-number*256 < 256 {
				width = int(count - number*256)
			}
			tile := tlog.Tile{H: 8, L: level, N: number, W: width}
			expected, err := tlog.ReadTileData(tile, reader)
			if err != nil {
				fail("%v", err)
			}
			path := tilePath(strconv.Itoa(level), number, width)
			if !bytes.Equal(expected, read(folder, path)) {
				fail("%s is not what the entries make", path)
			}
			tiles++
		}
	}
	for _, proof := range os.Args[2:] {
		checkProof(proof, verifier)
	}
	fmt.Printf("verified: %d entries, %d tiles, %d proofs\n", size, tiles, len(os.Args)-2)
}
