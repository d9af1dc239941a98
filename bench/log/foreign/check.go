// Reads a published log and proofs of its entries with others' clients: the tile readers of golang.org/x/mod and of
// torchwood, and torchwood's reading of a policy of witnesses and of proofs (C2SP tlog-policy, tlog-proof).
//
//	check POLICY VKEY PUBLIC [PROOF …]    each proof with its entry beside it, as `log prove` writes them
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: check POLICY VKEY PUBLIC [PROOF …]")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2], os.Args[3], os.Args[4:]); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func check(policyFile, vkey, public string, proofs []string) error {
	text, err := os.ReadFile(policyFile)
	if err != nil {
		return err
	}
	policy, err := torchwood.ParsePolicy(text)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(public, "checkpoint"))
	if err != nil {
		return err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return fmt.Errorf("the checkpoint by the policy: %w", err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	if _, err := note.Open(signed, note.VerifierList(verifier)); err != nil {
		return fmt.Errorf("the checkpoint by the key: %w", err)
	}

	tiles, err := torchwood.NewTileFS(os.DirFS(public))
	if err != nil {
		return err
	}
	ctx := context.Background()
	client, err := torchwood.NewClient(tiles)
	if err != nil {
		return err
	}
	leaves := make([]tlog.Hash, 0, checkpoint.N)
	for index, entry := range client.AllEntries(ctx, checkpoint.Tree, 0) {
		if index != int64(len(leaves)) {
			return fmt.Errorf("entry %d comes after %d others", index, len(leaves))
		}
		leaves = append(leaves, tlog.RecordHash(entry))
	}
	if err := client.Err(); err != nil {
		return fmt.Errorf("torchwood: %w", err)
	}
	if int64(len(leaves)) != checkpoint.N {
		return fmt.Errorf("torchwood: %d entries of %d", len(leaves), checkpoint.N)
	}

	reader := tlog.TileHashReader(checkpoint.Tree, torchwoodTiles{ctx, tiles})
	for index, leaf := range leaves {
		proof, err := tlog.ProveRecord(checkpoint.N, int64(index), reader)
		if err == nil {
			err = tlog.CheckRecord(proof, checkpoint.N, checkpoint.Hash, int64(index), leaf)
		}
		if err != nil {
			return fmt.Errorf("golang.org/x/mod: entry %d: %w", index, err)
		}
	}

	for _, path := range proofs {
		proof, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		entry, err := os.ReadFile(path + ".entry")
		if err != nil {
			return err
		}
		if err := torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if torchwood.VerifyProof(policy, tlog.RecordHash(append(entry, 0)), proof) == nil {
			return errors.New(path + " is taken for a proof of another entry")
		}
	}
	fmt.Printf("%d entries by two readers, %d proofs\n", len(leaves), len(proofs))
	return nil
}

// The tiles of a folder, as golang.org/x/mod asks for them.
type torchwoodTiles struct {
	ctx   context.Context
	tiles torchwood.TileReader
}

func (t torchwoodTiles) Height() int { return torchwood.TileHeight }

func (t torchwoodTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	return t.tiles.ReadTiles(t.ctx, tiles)
}

func (t torchwoodTiles) SaveTiles([]tlog.Tile, [][]byte) {}
