//! The publish cycle: makes tiles out of durable records, has the new root signed, and puts the checkpoint in its place.
//!
//! The order is the proof. Records are read back from the write-ahead log, not from memory; the files are written and
//! made durable; then they are read back and checked against the new root; only then is the signer asked, which checks
//! for itself that the tree grew; then witnesses; then the checkpoint is replaced. Whatever fails, nothing was said
//! that is not true, and the next cycle starts over from the last checkpoint.

use crate::disk::{Disk, blank, folder_of};
use crate::keeper::{self, Sign, Unsigned};
use crate::private::{self, Opening};
use crate::wal::{self, Cursor, Record};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use tlog::bundle;
use tlog::checkpoint::Checkpoint;
use tlog::hash::Hash;
use tlog::note::{Note, Signature, VerifierKey};
use tlog::policy::Policy;
use tlog::reader::{Reader, Untrusted};
use tlog::tile::{self, Edge, Level, TILE_WIDTH, Tile};
use tlog::witness::{AddCheckpoint, Refusal};

/// Records that one cycle takes; the rest comes in the next cycle, at once.
pub const CYCLE_RECORDS_MAX: u64 = 65_536;

/// Bytes of records after which a cycle takes no more: its files are in memory, and with the longest records so many would
/// be more than a small machine has.
pub const CYCLE_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Records after which a cycle offers its processor to whoever waits for it, as it does after each file. Whoever does
/// not, Linux lets go on for some milliseconds, and a commit, which takes a tenth of one, would wait for that long.
const RECORDS_AT_ONCE: u64 = 64;

/// Where the checkpoint is.
pub const CHECKPOINT: &str = "public/checkpoint";

/// Where the public key is, for whoever reads the folder alone. Trust in it must come from elsewhere.
pub const KEY: &str = "public/vkey";

/// How often a witness may say that it knows a later state before it counts as one that does not sign.
const CONFLICTS_MAX: usize = 2;

/// Why nothing was published.
#[derive(Debug)]
pub enum Failed {
    /// The disk.
    Disk(io::Error),
    /// The write-ahead log.
    Wal(wal::Failed),
    /// What was just written, or was published before, is not what it should be.
    Damaged(String),
    /// Somebody signed a larger tree of this log than there are records, or another one: this is an old copy, or a
    /// fork.
    Inconsistent {
        /// Who.
        who: String,
        /// What they say.
        why: String,
    },
    /// The signer does not answer.
    Signer(Unsigned),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "the disk failed: {error}"),
            Self::Wal(failed) => failed.fmt(f),
            Self::Damaged(what) => f.write_str(what),
            Self::Inconsistent { who, why } => write!(f, "{who} knows another history of this log: {why}"),
            Self::Signer(unsigned) => write!(f, "the signer: {unsigned}"),
        }
    }
}

impl std::error::Error for Failed {}

/// Who signs what is published.
pub struct Signers {
    /// The log's own signer.
    pub log: Box<dyn Sign>,
    /// The witnesses.
    pub witnesses: Vec<Box<dyn Sign>>,
    /// When their signatures suffice; `None` asks for no witness.
    pub policy: Option<Policy>,
}

impl fmt::Debug for Signers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signers").field("log", &self.log.name()).finish_non_exhaustive()
    }
}

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// With its signatures.
    pub note: Note,
    /// Whether the witnesses are a quorum.
    pub witnessed: bool,
    /// Witnesses that did not sign, and why.
    pub missing: Vec<String>,
}

/// Publishes one log.
#[derive(Debug)]
pub struct Publisher<D> {
    disk: D,
    key: VerifierKey,
    keeps_private: bool,
    edge: Edge,
    /// The entries of the last bundle while it is not full.
    bundle: Vec<u8>,
    cursor: Option<Cursor>,
    published: Option<Published>,
    retired: bool,
    /// Folders that are durable, and the way to them.
    folders: BTreeSet<String>,
}

/// Files of one cycle, and what they hold.
#[derive(Default)]
struct Draft {
    bundle: Vec<u8>,
    openings: Vec<Opening>,
    files: Vec<(Tile, Vec<u8>)>,
    private: Vec<(u64, Vec<Opening>)>,
}

impl<D: Disk> Publisher<D> {
    /// Takes up a log where its checkpoint says it is.
    ///
    /// # Errors
    /// When the published files are damaged, or the signer has signed more than the `durable` records there are.
    pub fn open(
        disk: D,
        key: VerifierKey,
        keeps_private: bool,
        durable: u64,
        signers: &mut Signers,
    ) -> Result<Self, Failed> {
        disk.make_folder("public").map_err(Failed::Disk)?;
        let mut publisher = Self {
            disk,
            key,
            keeps_private,
            edge: Edge::default(),
            bundle: Vec::new(),
            cursor: None,
            published: None,
            retired: true,
            folders: BTreeSet::new(),
        };
        publisher.take_up(signers.policy.as_ref())?;
        publisher.clear();
        let ours = publisher.size();
        if ours > durable {
            let why = format!("it has {ours} entries, and the write-ahead log ends at {durable}");
            return Err(Failed::Inconsistent { who: CHECKPOINT.to_owned(), why });
        }
        let theirs = signers.log.latest_size(publisher.key.name()).map_err(Failed::Signer)?;
        behind(&signers.log.name(), theirs, durable)?;
        for witness in &mut signers.witnesses {
            // A witness that cannot be asked now is asked at the next checkpoint.
            if let Ok(theirs) = witness.latest_size(publisher.key.name()) {
                behind(&witness.name(), theirs, durable)?;
            }
        }
        Ok(publisher)
    }

    fn take_up(&mut self, policy: Option<&Policy>) -> Result<(), Failed> {
        let Some(note) = keeper::published(&self.disk, CHECKPOINT).map_err(damaged)? else { return Ok(()) };
        let known = Policy::of_log(self.key.clone());
        let checkpoint = known.check(&note).map_err(|refused| Failed::Damaged(format!("{CHECKPOINT}: {refused}")))?;
        let disk = self.disk.clone();
        let reader = Reader::new(&checkpoint, |tile| disk.read(&format!("public/{tile}"))).map_err(untrusted)?;
        self.edge = reader.edge().clone();
        let last = Tile::in_tree(Level::Entries, checkpoint.size / TILE_WIDTH, checkpoint.size);
        if let Some(tile) = last {
            let bytes = self.disk.read(&format!("public/{tile}")).map_err(damaged)?;
            let entries = bundle::decode(tile.width, &bytes).unwrap_or_default();
            let leaves: Vec<Hash> = entries.iter().map(|entry| Hash::leaf(entry)).collect();
            if self.edge.partial().first() != Some(&leaves) {
                return Err(Failed::Damaged(format!("public/{tile} does not have the entries of its tile")));
            }
            self.bundle = bytes;
        }
        let witnessed = policy.is_none_or(|policy| policy.check(&note).is_ok());
        self.published = Some(Published { checkpoint, note, witnessed, missing: Vec::new() });
        Ok(())
    }

    /// Removes what a cycle that did not end may have left around the right edge: nothing signed speaks of it, and after
    /// a crash it may be anything.
    fn clear(&self) {
        let size = self.size();
        // A cycle ends with the frame in which it reaches its limit, and no frame has so many records.
        let reach = 2 * CYCLE_RECORDS_MAX;
        let levels = std::iter::once(Level::Entries).chain((0..tile::TILE_LEVELS).map(Level::Hashes));
        for level in levels {
            let tiles_at = |size: u64| tile::count_at(level, size) / TILE_WIDTH;
            for index in tiles_at(size.saturating_sub(reach))..=tiles_at(size + reach) {
                let full = Tile { level, index, width: 256 };
                let now = Tile::in_tree(level, index, size);
                if now != Some(full) && self.disk.read(&format!("public/{full}")).is_ok() {
                    // What cannot be removed is overwritten by the cycle that needs its place.
                    let _gone: io::Result<()> = self.disk.remove(&format!("public/{full}"));
                }
                let width = now.filter(|tile| !tile.is_full()).map(|tile| tile.width);
                remove_but(&self.disk, &format!("public/{full}.p"), width, false);
            }
        }
    }

    /// How many entries are published.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// What was published last.
    #[must_use]
    pub fn published(&self) -> Option<&Published> {
        self.published.as_ref()
    }

    /// Publishes what is durable and not yet published, up to [`CYCLE_RECORDS_MAX`] records or about [`CYCLE_BYTES_MAX`] and
    /// the frame they end in; `None` if there is nothing.
    ///
    /// # Errors
    /// Says what failed. What was published stays published.
    pub fn publish(&mut self, durable: u64, signers: &mut Signers) -> Result<Option<Published>, Failed> {
        if self.size() >= durable {
            return Ok(None);
        }
        let mut cursor = match self.cursor {
            Some(cursor) => cursor,
            None => Cursor::start(&self.disk).map_err(Failed::Disk)?,
        };
        let mut edge = self.edge.clone();
        let mut draft = Draft { bundle: self.bundle.clone(), ..Draft::default() };
        let wanted = self.size().saturating_sub(cursor.next()) + CYCLE_RECORDS_MAX;
        let mut bytes = 0;
        let read = cursor.read_while(&self.disk, durable, wanted, |index, record| {
            if index == edge.size() {
                bytes += record.bytes();
                draft.add(&mut edge, record, self.keeps_private);
                if index % RECORDS_AT_ONCE == 0 {
                    std::thread::yield_now();
                }
            }
            bytes < CYCLE_BYTES_MAX
        });
        read.map_err(Failed::Wal)?;
        if edge.size() <= self.size() {
            return Err(Failed::Damaged(format!("the write-ahead log lacks the record with index {}", self.size())));
        }
        draft.partial(&edge);
        let checkpoint = Checkpoint { origin: self.key.name().to_owned(), size: edge.size(), root: edge.root() };
        self.write(&draft)?;
        let published = self.sign(&checkpoint, &draft, signers)?;
        self.disk.put_durably(CHECKPOINT, published.note.to_string().as_bytes()).map_err(Failed::Disk)?;
        self.tidy(&draft, edge.size());
        (self.edge, self.bundle, self.cursor) = (edge, draft.bundle, Some(cursor));
        self.published = Some(published.clone());
        Ok(Some(published))
    }

    fn write(&mut self, draft: &Draft) -> Result<(), Failed> {
        let mut paths = Vec::new();
        for (tile, bytes) in &draft.files {
            let path = format!("public/{tile}");
            self.disk.make_folder(folder_of(&path)).map_err(Failed::Disk)?;
            self.disk.put(&path, bytes).map_err(Failed::Disk)?;
            paths.push(path);
            std::thread::yield_now();
        }
        for (first, openings) in &draft.private {
            paths.extend(private::write(&self.disk, *first, openings).map_err(Failed::Disk)?);
            std::thread::yield_now();
        }
        let folders = changed(&paths, &self.folders);
        self.disk.sync_all(&paths, &folders).map_err(Failed::Disk)?;
        // Those of partial files go when the tile is full.
        let stays = |folder: &String| !folder.ends_with(".p") || folders.contains(folder);
        self.folders.retain(stays);
        self.folders.extend(folders);
        Ok(())
    }

    /// Reads back what was written, checks it against the new root, and asks for the signatures.
    fn sign(&self, checkpoint: &Checkpoint, draft: &Draft, signers: &mut Signers) -> Result<Published, Failed> {
        let disk = self.disk.clone();
        let mut reader = Reader::new(checkpoint, |tile| disk.read(&format!("public/{tile}"))).map_err(untrusted)?;
        for (tile, _) in &draft.files {
            std::thread::yield_now();
            match tile.level {
                Level::Hashes(level) => {
                    reader.tile(level, tile.index).map_err(untrusted)?;
                }
                Level::Entries => {
                    let bytes = self.disk.read(&format!("public/{tile}")).map_err(damaged)?;
                    let entries = bundle::decode(tile.width, &bytes).unwrap_or_default();
                    let hashes = reader.tile(0, tile.index).map_err(untrusted)?;
                    let same = hashes.len() == entries.len()
                        && hashes.iter().zip(&entries).all(|(hash, entry)| *hash == Hash::leaf(entry));
                    if !same {
                        return Err(Failed::Damaged(format!("public/{tile} changed between writing and signing")));
                    }
                }
            }
        }
        let mut note = Note { text: checkpoint.to_string(), signatures: Vec::new() };
        let signatures = self.ask(signers.log.as_mut(), &mut reader, checkpoint, &note)?;
        note.signatures.extend(signatures.into_iter().filter(|signature| self.key.made(signature)));
        let own = Policy::of_log(self.key.clone());
        if let Err(refused) = own.check(&note) {
            return Err(Failed::Signer(Unsigned::Unavailable(format!("it signs with another key: {refused}"))));
        }
        let (mut missing, mut inconsistent) = (Vec::new(), None);
        for (name, cosigned) in self.cosigned(&mut signers.witnesses, checkpoint, &note) {
            match cosigned {
                Ok(signatures) => note.signatures.extend(signatures),
                Err(Failed::Inconsistent { who, why }) => {
                    missing.push(format!("{who}, which knows another history of this log: {why}"));
                    inconsistent = Some(Failed::Inconsistent { who, why });
                }
                Err(Failed::Signer(unsigned)) => missing.push(format!("{name}: {unsigned}")),
                Err(failed) => missing.push(format!("{name}: {failed}")),
            }
        }
        let witnessed = signers.policy.as_ref().is_none_or(|policy| policy.check(&note).is_ok());
        // One that claims so, and proves nothing, holds up no log that enough others have signed.
        match inconsistent.filter(|_| !witnessed) {
            Some(inconsistent) => Err(inconsistent),
            None => Ok(Published { checkpoint: checkpoint.clone(), note, witnessed, missing }),
        }
    }

    /// Asks all witnesses at once: one that does not answer keeps nobody longer than it may take.
    fn cosigned(
        &self,
        witnesses: &mut [Box<dyn Sign>],
        checkpoint: &Checkpoint,
        note: &Note,
    ) -> Vec<(String, Result<Vec<Signature>, Failed>)> {
        std::thread::scope(|scope| {
            let ask = |witness: &mut dyn Sign| {
                let disk = self.disk.clone();
                let mut reader =
                    Reader::new(checkpoint, |tile| disk.read(&format!("public/{tile}"))).map_err(untrusted)?;
                self.ask(witness, &mut reader, checkpoint, note)
            };
            let asked: Vec<_> = witnesses
                .iter_mut()
                .map(|witness| {
                    let thread = std::thread::Builder::new().name(String::from("log witness"));
                    (witness.name(), thread.spawn_scoped(scope, move || ask(witness.as_mut())))
                })
                .collect();
            let unasked = |why: String| Err(Failed::Signer(Unsigned::Unavailable(why)));
            let ended = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|_panic| unasked(String::from("the thread that asks it ended")))
            };
            let answer = |(name, thread): (String, io::Result<_>)| {
                (name, thread.map_or_else(|error| unasked(format!("cannot start a thread: {error}")), ended))
            };
            asked.into_iter().map(answer).collect()
        })
    }

    /// Asks somebody to sign what grew from what they signed last.
    fn ask<F: FnMut(Tile) -> io::Result<Vec<u8>>>(
        &self,
        signer: &mut dyn Sign,
        reader: &mut Reader<F>,
        checkpoint: &Checkpoint,
        note: &Note,
    ) -> Result<Vec<Signature>, Failed> {
        let mut old_size = signer.latest_size(self.key.name()).map_err(Failed::Signer)?;
        let mut tries = 0;
        loop {
            behind(&signer.name(), old_size, checkpoint.size)?;
            let consistency = reader.prove_consistency(old_size).map_err(untrusted)?;
            let request = AddCheckpoint { old_size, consistency, checkpoint: note.clone() };
            match signer.sign(&request) {
                Ok(signatures) => return Ok(signatures),
                // It knows a later state than it was known to know: then from there.
                Err(Unsigned::Refused(Refusal::Conflict(size))) if size != old_size && tries < CONFLICTS_MAX => {
                    (old_size, tries) = (size, tries + 1);
                }
                Err(Unsigned::Refused(refusal @ (Refusal::Conflict(_) | Refusal::Inconsistent))) => {
                    return Err(Failed::Inconsistent { who: signer.name(), why: refusal.to_string() });
                }
                Err(unsigned) => return Err(Failed::Signer(unsigned)),
            }
        }
    }

    /// Removes what the new checkpoint makes superfluous. Whatever stays is only more than needed.
    fn tidy(&mut self, draft: &Draft, size: u64) {
        let partial = |tile: &Tile| {
            let path = format!("public/{tile}");
            path.split_once(".p/").map_or(format!("{path}.p"), |(stem, _)| format!("{stem}.p"))
        };
        for (tile, _) in &draft.files {
            remove_but(&self.disk, &partial(tile), (!tile.is_full()).then_some(tile.width), false);
        }
        for (first, openings) in &draft.private {
            for (folder, width) in private::partial_folders(*first, openings.len()) {
                // What somebody may ask to have erased is not left where a file was.
                remove_but(&self.disk, &folder, width, true);
            }
        }
        // Segments that cannot be removed now are tried again after the next cycle.
        self.retired = wal::retire(&self.disk, size).is_ok();
    }

    /// Carries out what was asked to be erased, as far as it is published, and says whether a segment of the
    /// write-ahead log still holds some of it, so that the log must go on in a new one.
    ///
    /// # Errors
    /// When the disk fails; what was asked stays asked.
    pub fn erase(&mut self) -> Result<bool, Failed> {
        let mut held = false;
        for index in private::erasures(&self.disk).map_err(Failed::Disk)? {
            if index >= self.size() {
                continue;
            }
            private::forget(&self.disk, index, self.size()).map_err(Failed::Disk)?;
            if wal::holds(&self.disk, index).map_err(Failed::Disk)? {
                held = true;
                wal::retire(&self.disk, self.size()).map_err(Failed::Disk)?;
            } else {
                private::erased(&self.disk, index).map_err(Failed::Disk)?;
            }
        }
        Ok(held)
    }
}

/// The folders in which these files are new, and those above as far as they are not `durable` yet.
fn changed(paths: &[String], durable: &BTreeSet<String>) -> Vec<String> {
    let mut folders = BTreeSet::new();
    for path in paths {
        let mut folder = folder_of(path);
        while folders.insert(folder) && !folder.is_empty() && !durable.contains(folder) {
            folder = folder_of(folder);
        }
    }
    folders.into_iter().map(str::to_owned).collect()
}

/// Empties a folder of partial tiles but for the width that is in use; overwrites what it removes if nobody may find it.
fn remove_but<D: Disk>(disk: &D, folder: &str, width: Option<u16>, overwrites: bool) {
    let keep = width.map(|width| width.to_string());
    let names = disk.list(folder).unwrap_or_default();
    let mut left = false;
    for name in &names {
        let stays = Some(name) == keep.as_ref();
        let path = format!("{folder}/{name}");
        let gone =
            || if overwrites { blank(disk, &path).and_then(|()| disk.remove(&path)) } else { disk.remove(&path) };
        left |= stays || gone().is_err();
        std::thread::yield_now();
    }
    if !left && !names.is_empty() {
        // An empty folder that stays is in nobody's way.
        let _gone: io::Result<()> = disk.remove(folder);
    }
}

fn behind(who: &str, theirs: u64, ours: u64) -> Result<(), Failed> {
    if theirs <= ours {
        return Ok(());
    }
    let why = format!("it signed {theirs} entries, and there are {ours} here");
    Err(Failed::Inconsistent { who: who.to_owned(), why })
}

fn damaged(error: io::Error) -> Failed {
    Failed::Damaged(format!("a published file: {error}"))
}

fn untrusted(error: Untrusted<io::Error>) -> Failed {
    Failed::Damaged(format!("published tiles: {error}"))
}

impl Draft {
    fn add(&mut self, edge: &mut Edge, record: Record, keeps_private: bool) {
        let (index, slot) = (edge.size() / TILE_WIDTH, edge.size() % TILE_WIDTH);
        let files = &mut self.files;
        edge.push(Hash::leaf(&record.entry), |filled| {
            let tile = Tile { level: Level::Hashes(filled.level), index: filled.index, width: 256 };
            files.push((tile, tile::encode(&filled.hashes)));
        });
        // The write-ahead log takes no entry longer than a bundle does.
        let fits = bundle::push(&mut self.bundle, &record.entry);
        debug_assert!(fits);
        if keeps_private {
            if self.openings.is_empty() {
                self.private.push((edge.size() - 1, Vec::new()));
            }
            self.openings.push(Opening::from_record(&record.private));
        }
        if slot == TILE_WIDTH - 1 {
            let tile = Tile { level: Level::Entries, index, width: 256 };
            files.push((tile, std::mem::take(&mut self.bundle)));
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some((_, openings)) = self.private.last_mut()
            && openings.is_empty()
        {
            *openings = std::mem::take(&mut self.openings);
        }
    }

    /// Adds the partial files of the right edge.
    fn partial(&mut self, edge: &Edge) {
        let size = edge.size();
        if let Some(tile) = Tile::in_tree(Level::Entries, size / TILE_WIDTH, size) {
            self.files.push((tile, self.bundle.clone()));
        }
        for (level, hashes) in (0..).zip(edge.partial()) {
            let level = Level::Hashes(level);
            if let Some(tile) = Tile::in_tree(level, tile::count_at(level, size) / TILE_WIDTH, size) {
                self.files.push((tile, tile::encode(hashes)));
            }
        }
        self.close();
    }
}
