//! Copies a published log into a bucket, so that strangers read it where this machine need not answer them.
//!
//! The copy runs behind: it reads what is published already, and nothing that records waits for it. Files go before the
//! checkpoint that speaks of them, so a reader of the bucket finds a whole log at any moment. Nothing is copied that
//! does not lead to the signed root, and a bucket that knows another history of the log is left as it is.

use crate::log::{Problem, told};
use crate::log_gov::blob_path;
use crate::log_place::Place;
use crate::log_s3::{Bucket, Failed, Found, Over, Put};
use ledger::disk::{Disk, Folder};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tlog::checkpoint::Checkpoint;
use tlog::note::{Note, VerifierKey};
use tlog::policy::Policy;
use tlog::reader::{Reader, Untrusted};
use tlog::tile::{self, Level, TILE_LEVELS, TILE_WIDTH, Tile};
use tlog::{Hash, bundle};

/// How often it is looked whether more is published.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a bucket that does not answer is left alone, at most: it is found again within a minute.
const LEFT_ALONE_MAX: Duration = Duration::from_mins(1);

/// How often an object is put before the pass ends for now.
const PUT_TRIES: u32 = 3;

/// How long before it is put again, the first time; each time after it is twice as long.
const PUT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Objects on their way at once: enough that a far store keeps up with a busy log.
const PUTS_AT_ONCE: usize = 8;

/// Files held in memory between reading and putting.
const FILES_HELD_MAX: usize = 64;

/// How long the end of a service is held up for the last copy; a store that is slower gets it from the next start.
const END_WAIT_MAX: Duration = Duration::from_secs(5);

/// How often a pass starts over because the log went on meanwhile and the last tiles of before are gone.
const MOVED_MAX: u32 = 10;

/// `[log.publish]`: the bucket that strangers read the log from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    /// `s3://bucket/prefix`.
    to: String,
    /// The address of the store, `https://host:port`.
    endpoint: String,
    /// The region that requests are signed for.
    #[serde(default = "region")]
    region: String,
    /// The file with the key that signs requests, as the tools of AWS write it.
    credentials: PathBuf,
}

fn region() -> String {
    String::from("us-east-1")
}

impl Section {
    /// The bucket, with `path` for the paths of the file.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn bucket(&self, path: impl Fn(&Path) -> PathBuf) -> Result<Bucket, String> {
        let bucket = Bucket::new(&self.to, &self.endpoint, &self.region, &path(&self.credentials));
        bucket.map_err(|why| format!("[log.publish] {why}"))
    }
}

/// Why a pass ended before the bucket had everything.
#[derive(Debug)]
enum Ended {
    /// The log went on: the next pass finds its files.
    Moved,
    /// The store.
    Store(Failed),
    /// The log here cannot be read or is not what was signed.
    Local(Problem),
    /// The bucket knows another history of this log, or something else.
    Refused(String),
}

impl Ended {
    fn problem(self) -> Problem {
        match self {
            Self::Moved => Problem::new(1, "the log goes on faster than it can be copied; try again"),
            Self::Store(failed) => Problem::new(1, failed.why),
            Self::Local(problem) => problem,
            Self::Refused(why) => Problem::new(4, why),
        }
    }
}

impl From<Failed> for Ended {
    fn from(failed: Failed) -> Self {
        Self::Store(failed)
    }
}

/// The longest checkpoint: a note may not be longer.
const CHECKPOINT_BYTES_MAX: u64 = 64 * 1024;

/// What the bucket is known to have.
struct Copied {
    size: u64,
    /// The checkpoint, if it is ours to the letter.
    text: Option<String>,
    /// The tag of the object it is.
    tag: String,
}

/// An object on its way: its path, its kind, how long it may be kept, its bytes.
type Object<'o> = (String, &'o str, &'o str, Vec<u8>);

/// The copy of one log.
struct Copying {
    public: Folder,
    policy: Policy,
    bucket: Bucket,
    copied: Option<Copied>,
    /// Whether partial tiles are left in the bucket, because the store does not let them be removed.
    untidy: bool,
    /// Documents and keys it is known to have.
    constant: BTreeSet<String>,
}

impl Copying {
    fn new(folder: &Path, log: &str, bucket: &Bucket) -> Result<Self, Problem> {
        let public = Folder::new(folder.join(log).join("public"));
        let text = Place::Folder(public.clone()).read("vkey")?;
        let key = VerifierKey::parse(String::from_utf8_lossy(&text).trim());
        let key = key.map_err(|error| Problem::new(2, format!("{}/vkey: {error}", public.path().display())))?;
        Ok(Self {
            public,
            policy: Policy::of_log(key),
            bucket: bucket.below(log),
            copied: None,
            untidy: false,
            constant: BTreeSet::new(),
        })
    }

    fn local(&self, path: &str, error: impl std::fmt::Display) -> Ended {
        Ended::Local(Problem::file(&self.public.path().join(path), error))
    }

    /// Copies what is published; how many entries the bucket has then.
    fn pass(&mut self, stop: &Stop) -> Result<u64, Ended> {
        let bytes = match self.public.read("checkpoint") {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(self.local("checkpoint", error)),
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(copied) = self.copied.as_ref().filter(|copied| copied.text.as_ref() == Some(&text)) {
            return Ok(copied.size);
        }
        let note = Note::parse(&bytes).map_err(|error| self.local("checkpoint", error))?;
        let checkpoint = self.policy.check_log(&note).map_err(|error| self.local("checkpoint", error))?;
        let disk = self.public.clone();
        let mut reader =
            Reader::new(&checkpoint, |tile| disk.read(&tile.to_string())).map_err(|error| self.tile(&error))?;
        let from = match &self.copied {
            Some(copied) => copied.size,
            None => self.theirs(&checkpoint, &mut reader)?,
        };
        self.documents(stop)?;
        let mut held = Vec::new();
        for tile in new_tiles(from, checkpoint.size) {
            let bytes = self.traced(&mut reader, tile)?;
            held.push((tile.to_string(), "application/octet-stream", "max-age=31536000, immutable", bytes));
            if held.len() >= FILES_HELD_MAX {
                self.put(&std::mem::take(&mut held), stop)?;
            }
        }
        self.put(&held, stop)?;
        // Whoever else writes there has to be looked at again.
        let over = self.copied.take().map_or(Over::Nothing, |copied| Over::This(copied.tag));
        let object = (String::from("checkpoint"), "text/plain; charset=utf-8", "max-age=1", bytes);
        match self.put_one(&object, &over, stop)? {
            Put::Done(tag) => {
                let copied = |tag| Copied { size: checkpoint.size, text: Some(text), tag };
                self.copied = tag.map(copied);
            }
            Put::Taken => return Err(Ended::Moved),
        }
        self.tidy(from, checkpoint.size);
        Ok(checkpoint.size)
    }

    /// Removes what partial tiles there are of those that have become full. Where that cannot be done, they are only more
    /// than needed.
    fn tidy(&mut self, old: u64, new: u64) {
        for tile in filled_tiles(old, new) {
            if self.untidy {
                return;
            }
            let left = self.bucket.list(&format!("{tile}.p"));
            let gone = left.and_then(|keys| keys.iter().try_for_each(|key| self.bucket.remove(key)));
            if let Err(failed) = gone {
                eprintln!("partial tiles that nobody needs stay in the bucket: {failed}");
                self.untidy = true;
            }
        }
    }

    /// How many entries the bucket has, if they are ours.
    fn theirs<F: FnMut(Tile) -> std::io::Result<Vec<u8>>>(
        &mut self,
        ours: &Checkpoint,
        reader: &mut Reader<F>,
    ) -> Result<u64, Ended> {
        let Some(Found { bytes, tag }) = self.bucket.get("checkpoint", CHECKPOINT_BYTES_MAX)? else { return Ok(0) };
        let refused = |why: &str| {
            let bucket = &self.bucket;
            Ended::Refused(format!(
                "{bucket} is left as it is: {why}. Its checkpoint:\n{}",
                String::from_utf8_lossy(&bytes)
            ))
        };
        let note = Note::parse(&bytes).map_err(|_malformed| refused("what it has is no log"))?;
        let theirs = self.policy.check_log(&note).map_err(|_stranger| {
            refused("it has the log of another key (a log that goes on from another is copied to a place of its own)")
        })?;
        if theirs.size > ours.size {
            let why = format!("it has {} entries of this log, and there are {} here", theirs.size, ours.size);
            return Err(refused(&why));
        }
        let root = reader.root_at(theirs.size).map_err(|error| self.tile(&error))?;
        if root != theirs.root {
            return Err(refused("it has another history of this log"));
        }
        let tag = tag.ok_or_else(|| refused("its store does not tell one object from another (`ETag`)"))?;
        self.copied = Some(Copied { size: theirs.size, text: None, tag });
        Ok(theirs.size)
    }

    /// What a tile that cannot be read means.
    fn tile(&self, error: &Untrusted<std::io::Error>) -> Ended {
        match error {
            Untrusted::Missing(tile, error) if error.kind() == ErrorKind::NotFound && !tile.is_full() => Ended::Moved,
            Untrusted::Missing(..)
            | Untrusted::Length(_)
            | Untrusted::Hashes(_)
            | Untrusted::Edge
            | Untrusted::OutOfRange => self.local("tile", error),
        }
    }

    /// The bytes of a file, if they lead to the root.
    fn traced<F: FnMut(Tile) -> std::io::Result<Vec<u8>>>(
        &self,
        reader: &mut Reader<F>,
        tile: Tile,
    ) -> Result<Vec<u8>, Ended> {
        let path = tile.to_string();
        let level = match tile.level {
            Level::Hashes(level) => level,
            Level::Entries => 0,
        };
        let hashes = match reader.tile(level, tile.index) {
            Ok(hashes) => hashes,
            Err(error) => return Err(self.tile(&error)),
        };
        if tile.level != Level::Entries {
            return Ok(tile::encode(hashes));
        }
        let bytes = match self.public.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound && !tile.is_full() => return Err(Ended::Moved),
            Err(error) => return Err(self.local(&path, error)),
        };
        let entries = bundle::decode(tile.width, &bytes).unwrap_or_default();
        let same =
            entries.len() == hashes.len() && entries.iter().zip(hashes).all(|(entry, hash)| Hash::leaf(entry) == *hash);
        if same { Ok(bytes) } else { Err(self.local(&path, "its entries are not those that were signed")) }
    }

    /// Copies the key and the documents that entries name by their digest.
    fn documents(&mut self, stop: &Stop) -> Result<(), Ended> {
        let mut paths = vec![String::from("vkey")];
        let list = |folder: &str| self.public.list(folder).map_err(|error| self.local(folder, error));
        for pair in list("blob/sha256")? {
            let folder = format!("blob/sha256/{pair}");
            let names = list(&folder)?;
            let whole = names.iter().filter(|name| !name.ends_with(ledger::disk::TEMPORARY));
            paths.extend(whole.map(|name| format!("{folder}/{name}")));
        }
        paths.retain(|path| !self.constant.contains(path));
        for some in paths.chunks(FILES_HELD_MAX) {
            let mut held = Vec::new();
            for path in some {
                let bytes = self.public.read(path).map_err(|error| self.local(path, error))?;
                // What is in the bucket once stays there: readers would be told of damage for as long.
                if path != "vkey" && *path != blob_path(&Hash::of(&bytes).0) {
                    return Err(self.local(path, "it is not what its name says"));
                }
                let (kind, caching) = match path.as_str() {
                    "vkey" => ("text/plain; charset=utf-8", "max-age=3600"),
                    _ => ("application/octet-stream", "max-age=31536000, immutable"),
                };
                held.push((path.clone(), kind, caching, bytes));
            }
            self.put(&held, stop)?;
            self.constant.extend(some.iter().cloned());
        }
        Ok(())
    }

    /// Puts files that never change, several at once; all of them are in the bucket when it returns.
    fn put(&self, files: &[Object<'_>], stop: &Stop) -> Result<(), Ended> {
        for some in files.chunks(PUTS_AT_ONCE) {
            let done: Vec<Result<(), Ended>> = std::thread::scope(|scope| {
                let running: Vec<_> = some.iter().map(|file| scope.spawn(move || self.put_new(file, stop))).collect();
                let gone = || Failed { why: String::from("a thread that copies failed"), again: true };
                running.into_iter().map(|thread| thread.join().unwrap_or_else(|_panic| Err(gone().into()))).collect()
            });
            done.into_iter().collect::<Result<(), Ended>>()?;
        }
        Ok(())
    }

    /// Puts a file that never changes, unless it is there.
    fn put_new(&self, object: &Object<'_>, stop: &Stop) -> Result<(), Ended> {
        let (path, .., bytes) = object;
        if self.put_one(object, &Over::Nothing, stop)? != Put::Taken {
            return Ok(());
        }
        match self.bucket.get(path, bytes.len() as u64 + 1) {
            Ok(Some(there)) if there.bytes == *bytes => Ok(()),
            Err(failed) if failed.again => Err(failed.into()),
            Ok(_) | Err(_) => Err(Ended::Refused(format!("{}/{path} is there and is another", self.bucket))),
        }
    }

    fn put_one(&self, object: &Object<'_>, over: &Over, stop: &Stop) -> Result<Put, Failed> {
        let (path, kind, caching, bytes) = object;
        let mut tries = 1;
        loop {
            match self.bucket.put(path, (kind, caching), bytes, over) {
                Err(failed) if failed.again && tries < PUT_TRIES && !stop.is_near() => {
                    std::thread::sleep(PUT_AGAIN_AFTER * 2_u32.pow(tries - 1));
                    tries += 1;
                }
                done => return done,
            }
        }
    }
}

/// Every file that a tree of `new` entries has and one of `old` had not, those below before those above.
fn new_tiles(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    let levels = std::iter::once(Level::Entries).chain((0..TILE_LEVELS).map(Level::Hashes));
    levels.flat_map(move |level| {
        let first = tile::count_at(level, old) / TILE_WIDTH;
        let last = tile::count_at(level, new).div_ceil(TILE_WIDTH);
        let grown = tile::count_at(level, new) > tile::count_at(level, old);
        (first..last).filter(move |_| grown).filter_map(move |index| Tile::in_tree(level, index, new))
    })
}

/// Every tile that is full in a tree of `new` entries and was begun in one of `old`.
fn filled_tiles(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    let levels = std::iter::once(Level::Entries).chain((0..TILE_LEVELS).map(Level::Hashes));
    levels.filter_map(move |level| {
        let begun = tile::count_at(level, old);
        let tile = Tile::in_tree(level, begun / TILE_WIDTH, new).filter(|tile| tile.is_full());
        tile.filter(|_| !begun.is_multiple_of(TILE_WIDTH))
    })
}

/// Whether the process is about to end.
#[derive(Debug, Default)]
struct Stop(AtomicBool);

impl Stop {
    fn is_near(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The copy of both logs that goes on while a service runs.
pub(crate) struct Mirror {
    running: SyncSender<()>,
    stop: Arc<Stop>,
    thread: JoinHandle<()>,
    ended: Receiver<()>,
}

impl Mirror {
    /// Starts to copy, in a thread of its own.
    ///
    /// # Errors
    /// When a log has no key, or no thread can be had.
    pub(crate) fn start(folder: &Path, bucket: &Bucket) -> Result<Self, String> {
        let copying = ["gov", "dec"].map(|log| Copying::new(folder, log, bucket));
        let copying: Result<Vec<Copying>, Problem> = copying.into_iter().collect();
        let copying = copying.map_err(|problem| problem.message)?;
        let (running, until) = sync_channel(1);
        let (ending, ended) = sync_channel(1);
        let stop = Arc::<Stop>::default();
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(String::from("log copy"));
        let thread = thread.spawn(move || {
            // Dropped when it ends, well or not.
            let _ending: SyncSender<()> = ending;
            keep(copying, &until, &stopping);
        });
        Ok(Self { running, stop, thread: thread.map_err(|error| format!("cannot start: {error}"))?, ended })
    }

    /// Copies once more what is published by now, if the bucket answers in time, and ends. Whether it ended well.
    pub(crate) fn end(self) -> bool {
        self.stop.0.store(true, Ordering::Release);
        drop(self.running);
        match self.ended.recv_timeout(END_WAIT_MAX) {
            // It hangs on a store that does not answer, and ends with the process: half a copy is whole at the next start.
            Err(RecvTimeoutError::Timeout) => true,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => self.thread.join().is_ok(),
        }
    }
}

fn keep(mut copying: Vec<Copying>, running: &Receiver<()>, stop: &Stop) {
    let mut pause = LOOK_EVERY;
    let mut complained: Option<String> = None;
    loop {
        let last = !matches!(running.recv_timeout(pause), Err(RecvTimeoutError::Timeout));
        // A bucket that did not answer before is not waited for at the end.
        if last && complained.is_some() {
            return;
        }
        let failed = copying.iter_mut().find_map(|log| match log.pass(stop) {
            Ok(_) | Err(Ended::Moved) => None,
            Err(ended) => Some(ended.problem().message),
        });
        match failed {
            Some(why) => {
                if complained.is_none() {
                    eprintln!("the log is not copied; it goes on here, and the copy will follow: {why}");
                }
                complained = Some(why);
                pause = (pause * 2).min(LEFT_ALONE_MAX);
            }
            None => {
                if complained.take().is_some() {
                    eprintln!("the log is copied again");
                }
                pause = LOOK_EVERY;
            }
        }
        if last {
            return;
        }
    }
}

/// Copies both logs of a folder once.
pub(crate) fn once(folder: &Path, bucket: &Bucket, as_json: bool) -> Result<u8, Problem> {
    let (mut words, mut logs) = (String::new(), serde_json::Map::new());
    for log in ["gov", "dec"] {
        let mut copying = Copying::new(folder, log, bucket)?;
        let mut moved = 0;
        let size = loop {
            match copying.pass(&Stop::default()) {
                Ok(size) => break size,
                Err(Ended::Moved) if moved < MOVED_MAX => moved += 1,
                Err(ended) => return Err(ended.problem()),
            }
        };
        let to = copying.bucket.to_string();
        words.push_str(&format!("{log}: {size} entries in {to}\n"));
        logs.insert(log.to_owned(), json!({ "size": size, "to": to }));
    }
    told(as_json, &Value::from(logs), &words)
}

#[cfg(test)]
mod tests {
    use super::new_tiles;
    use std::collections::BTreeSet;
    use tlog::tile;

    #[test]
    fn what_a_grown_tree_adds_is_what_it_has_and_had_not() {
        let sizes = [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 131_072];
        for (at, old) in sizes.iter().enumerate() {
            for new in sizes.iter().skip(at) {
                let had: BTreeSet<String> = tile::tiles(*old).map(|tile| tile.to_string()).collect();
                let has: BTreeSet<String> = tile::tiles(*new).map(|tile| tile.to_string()).collect();
                let added: BTreeSet<String> = new_tiles(*old, *new).map(|tile| tile.to_string()).collect();
                assert_eq!(added, has.difference(&had).cloned().collect(), "{old} to {new}");
            }
        }
    }
}
