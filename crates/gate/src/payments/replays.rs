//! Transactions that came before, by their ids: what comes again comes to the same and is not recorded twice; what
//! comes with the same ids and says something else is for a person, with where it differs.
//!
//! The journal is a file that the command line and the endpoint share. A line is one decision; it says who was named
//! in a transaction only as digests. Lines are appended under a lock and are on disk before a verdict is told; what a
//! sudden end tore off is cut away. Of decisions only digests and places in the file are held in memory, and those no
//! older than somebody said.
//!
//! A transaction is the same when its sender's codes and all its ids are. An end-to-end id alone need not differ
//! between the payments of a message, so there its place in the message counts too. One without any id is not known
//! again.

use super::Outcome;
use super::judge::Context;
use super::run::Screened;
use base64ct::{Base64Unpadded, Encoding as _};
use docket::moment::format_rfc3339;
use law::Time;
use screening::{Field, Payment, Says, Whom, mt103};
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How a file of this kind begins.
const HEAD: &str = "payments screened, by digests; version 1\n";
/// No line is longer by far: a transaction has at most [`screening::iso20022::PAYMENT_FIELDS_MAX`] fields in each of
/// its three places, and each is some seven letters here.
const LINE_BYTES_MAX: u64 = 1 << 18;
/// Decisions held at once, unless somebody says otherwise; they take some 100 MB. Fedwire has as many in a day.
pub const TRANSACTIONS_MAX: usize = 1 << 20;
/// Days a decision is held, unless somebody says otherwise: longer than messages are sent again.
pub const DAYS: u32 = 30;
/// What has expired is cut from the file at the start once it is more than this, and more than what has not.
const EXPIRED_BYTES_MIN: u64 = 1 << 20;
/// Places that are told of one that differs; the rest are counted.
const TOLD_MAX: usize = 8;
/// Of a text that differs so much is told: the longest name has 140 letters.
const TOLD_LETTERS_MAX: usize = 140;
const DAY_SECONDS: i64 = 86_400;

/// What to do when as many decisions are held as may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// Nothing more is screened until older ones expire.
    #[default]
    Refuse,
    /// The oldest are forgotten before their time: were they to come again, they would be recorded again.
    ForgetOldest,
}

/// How long and how many decisions are held.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// For how many days.
    pub days: u32,
    /// At most so many.
    pub transactions_max: usize,
    /// When there are more.
    pub on_full: OnFull,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { days: DAYS, transactions_max: TRANSACTIONS_MAX, on_full: OnFull::default() }
    }
}

/// Where transactions that came before are known from.
#[derive(Debug)]
pub struct Replays {
    path: PathBuf,
    keeping: Keeping,
    known: Mutex<Known>,
}

/// What is known of the file.
#[derive(Debug)]
struct Known {
    file: File,
    /// Up to where it has been read.
    read: u64,
    /// Where the oldest decision that is held stands.
    oldest: u64,
    /// Where the first of each transaction stands.
    firsts: HashMap<u128, u64>,
    /// Decisions, by what was decided, and how.
    verdicts: HashSet<u128>,
}

/// What came before with the ids of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// When it came first.
    pub first: Time,
    /// What became of it then.
    pub outcome: Outcome,
    /// The very same was decided the same before, so there is nothing to record.
    pub again: bool,
    /// Where it says something else than the first time.
    pub differs: Vec<String>,
    /// A digest of the decision, the same whenever it is made again.
    pub decision: u128,
}

impl Before {
    /// Why it is for a person, if it says something else than the first time.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        if self.differs.is_empty() {
            return None;
        }
        Some(format!(
            "its ids came before, first at {} ({}), with another content: {}",
            format_rfc3339(self.first),
            self.outcome.word(),
            self.differs.join("; ")
        ))
    }
}

/// What a look comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing came with its ids; a digest of the decision, the same whenever it is made again.
    New(u128),
    /// It has no ids.
    Unidentified,
    /// This came.
    Before(Before),
}

/// What came before, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Somebody keeps what came before.
    pub kept: bool,
    /// The very same, decided the same.
    pub again: u64,
    /// The same, decided otherwise since: the law has changed, or what is looked for.
    pub anew: u64,
    /// The same ids, another content.
    pub otherwise: u64,
    /// Without any id to know it by.
    pub unidentified: u64,
}

impl Repeats {
    /// Counts what a look came to; the decision's digest, and what came before.
    pub(super) fn take(&mut self, look: Look) -> (Option<u128>, Option<Before>) {
        self.kept = true;
        match look {
            Look::New(decision) => (Some(decision), None),
            Look::Unidentified => {
                self.unidentified += 1;
                (None, None)
            }
            Look::Before(before) => {
                self.again += u64::from(before.again);
                self.otherwise += u64::from(!before.differs.is_empty());
                self.anew += u64::from(!before.again && before.differs.is_empty());
                (Some(before.decision), Some(before))
            }
        }
    }

    /// Adds another file's.
    pub(super) fn add(&mut self, other: &Self) {
        self.kept |= other.kept;
        self.again += other.again;
        self.anew += other.anew;
        self.otherwise += other.otherwise;
        self.unidentified += other.unidentified;
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    at: Time,
    ids: u128,
    content: u128,
    verdict: u128,
    outcome: Outcome,
    /// Of each field, digests of its path and of its text.
    fields: Vec<(u16, u32)>,
}

/// One file or message being screened.
#[derive(Debug)]
pub struct Session<'r> {
    replays: &'r Replays,
    decided_by: String,
    now: fn() -> Time,
    staged: RefCell<Staged>,
}

/// Decisions that are not in the file yet.
#[derive(Debug, Default)]
struct Staged {
    entries: Vec<Entry>,
    /// Whether its ids were known.
    known: Vec<bool>,
    firsts: HashMap<u128, usize>,
    verdicts: HashSet<u128>,
    /// Digests of paths met in this file.
    paths: Vec<Option<u64>>,
}

impl Replays {
    /// Opens a journal, or begins one.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn open(path: &Path, keeping: Keeping, now: Time) -> Result<Self, String> {
        let wrong = |error: io::Error| format!("cannot keep what was screened in {}: {error}", path.display());
        let known = Known::open(path).map_err(wrong)?;
        let replays = Self { path: path.to_owned(), keeping, known: Mutex::new(known) };
        let mut known = replays.lock().map_err(wrong)?;
        known.expire(now, keeping).map_err(wrong)?;
        let expired = known.oldest - HEAD.len() as u64;
        if expired > EXPIRED_BYTES_MIN && expired > known.read - known.oldest {
            known.shrink(path).map_err(wrong)?;
        }
        known.file.unlock().map_err(wrong)?;
        drop(known);
        Ok(replays)
    }

    /// Begins with one file or message. `decided_by` is everything a verdict depends on besides the transaction: the
    /// law, what is looked for, settings.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn session(&self, decided_by: &str, now: fn() -> Time) -> Result<Session<'_>, String> {
        let known = self.lock().map_err(|error| self.wrong(&error))?;
        known.file.unlock().map_err(|error| self.wrong(&error))?;
        Ok(Session { replays: self, decided_by: decided_by.to_owned(), now, staged: RefCell::default() })
    }

    /// How many decisions are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own().verdicts.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn own(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file as it stands, locked against every other program, with all that is in it known.
    fn lock(&self) -> io::Result<MutexGuard<'_, Known>> {
        let mut known = self.own();
        loop {
            known.file.lock()?;
            // Another program may have put a shorter file in its place.
            let there = std::fs::metadata(&self.path).map(|metadata| metadata.ino());
            if there.is_ok_and(|there| known.file.metadata().is_ok_and(|own| own.ino() == there)) {
                break;
            }
            *known = Known::open(&self.path)?;
        }
        match known.catch_up() {
            Ok(()) => Ok(known),
            Err(error) => {
                known.file.unlock()?;
                Err(error)
            }
        }
    }

    fn wrong(&self, error: &io::Error) -> String {
        format!("cannot keep what was screened in {}: {error}", self.path.display())
    }
}

impl Known {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        Ok(Self { file, read: 0, oldest: HEAD.len() as u64, firsts: HashMap::new(), verdicts: HashSet::new() })
    }

    /// Reads what others appended, and cuts off what a sudden end left torn. The file is locked.
    fn catch_up(&mut self) -> io::Result<()> {
        if self.read == 0 {
            self.begin()?;
        }
        let len = self.file.metadata()?.len();
        if len < self.read {
            return Err(io::Error::other("it has become shorter while it was in use"));
        }
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut lines = BufReader::new(self.file.try_clone()?);
        let mut line = String::new();
        while self.read < len {
            line.clear();
            let taken = lines.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
            let entry = match taken {
                Ok(_) => line.strip_suffix('\n').and_then(Entry::read),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
                Err(error) => return Err(error),
            };
            let Some(entry) = entry else {
                // The last line was never told to anybody; one that others follow was.
                let torn = self.read + LINE_BYTES_MAX >= len && is_last(&self.file, self.read, len)?;
                if !torn {
                    return Err(io::Error::other(format!(
                        "the line at byte {} is damaged; move the file away to begin another",
                        self.read
                    )));
                }
                return self.file.set_len(self.read);
            };
            self.enter(&entry, self.read);
            self.read += line.len() as u64;
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let mut head = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(HEAD.len() as u64).read_to_end(&mut head)?;
        if head.len() < HEAD.len() && HEAD.as_bytes().starts_with(&head) {
            self.file.set_len(0)?;
            self.file.write_all(HEAD.as_bytes())?;
            self.file.sync_all()?;
        } else if head != HEAD.as_bytes() {
            return Err(io::Error::other("it is something else than screened payments; name another file"));
        }
        self.read = HEAD.len() as u64;
        Ok(())
    }

    fn enter(&mut self, entry: &Entry, at: u64) {
        self.firsts.entry(entry.ids).or_insert(at);
        self.verdicts.insert(entry.verdict);
    }

    /// The line at a byte of the file.
    fn entry(&self, at: u64) -> io::Result<(Entry, u64)> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(at))?;
        let mut line = String::new();
        BufReader::with_capacity(1024, file).take(LINE_BYTES_MAX).read_line(&mut line)?;
        let entry = line.strip_suffix('\n').and_then(Entry::read);
        let entry = entry.ok_or_else(|| io::Error::other(format!("the line at byte {at} is damaged")))?;
        Ok((entry, line.len() as u64))
    }

    /// Forgets what is too old.
    fn expire(&mut self, now: Time, keeping: Keeping) -> io::Result<()> {
        let since = now.saturating_sub(i64::from(keeping.days).saturating_mul(DAY_SECONDS));
        while self.oldest < self.read {
            let (entry, length) = self.entry(self.oldest)?;
            if entry.at >= since {
                break;
            }
            self.forget(&entry, length);
        }
        Ok(())
    }

    fn forget(&mut self, entry: &Entry, length: u64) {
        if self.firsts.get(&entry.ids) == Some(&self.oldest) {
            self.firsts.remove(&entry.ids);
        }
        self.verdicts.remove(&entry.verdict);
        self.oldest += length;
    }

    /// Puts a file without what has expired in the place of this one, and takes its lock.
    fn shrink(&mut self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("shrunk");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&beside)?;
        file.write_all(HEAD.as_bytes())?;
        self.file.seek(SeekFrom::Start(self.oldest))?;
        io::copy(&mut self.file.try_clone()?.take(self.read - self.oldest), &mut file)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        let old = std::mem::replace(self, Self::open(path)?);
        self.file.lock()?;
        // Whoever waits for the old one finds that another is in its place.
        drop(old);
        self.catch_up()
    }
}

/// Whether no line begins behind this one.
fn is_last(file: &File, from: u64, len: u64) -> io::Result<bool> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(from))?;
    let mut rest = Vec::new();
    file.take(len - from).read_to_end(&mut rest)?;
    Ok(rest.iter().position(|byte| *byte == b'\n').is_none_or(|end| end + 1 == rest.len()))
}

impl Session<'_> {
    /// What came before with the ids of a transaction that has just been decided. The decision is held from now on, and
    /// on disk with [`Session::commit`].
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn look(&self, screened: &Screened<'_>) -> Result<Look, String> {
        let mut staged = self.staged.borrow_mut();
        let (payment, context) = (screened.payment, screened.context);
        let Some(ids) = ids(payment, context) else { return Ok(Look::Unidentified) };
        let (fields, content) = digests(payment, context, &mut staged.paths);
        let first = self.first(&staged, ids)?;
        let differs = first.as_ref().filter(|first| first.content != content);
        let differs = differs.map(|first| differing(first, &fields, screened)).unwrap_or_default();
        let least = if differs.is_empty() { Outcome::Pass } else { Outcome::Review };
        let outcome = screened.judged.outcome().max(least);
        let decision = digest(&[
            &ids.to_be_bytes(),
            &content.to_be_bytes(),
            self.decided_by.as_bytes(),
            outcome.word().as_bytes(),
            screened.judged.reasons.join("\n").as_bytes(),
        ]);
        let again = staged.verdicts.contains(&decision) || self.replays.own().verdicts.contains(&decision);
        let is_new = first.is_none();
        let before = first.map(|first| Before { first: first.at, outcome: first.outcome, again, differs, decision });
        if !again {
            if is_new {
                let number = staged.entries.len();
                staged.firsts.insert(ids, number);
            }
            let fields = fields.iter().map(|field| (field.path, field.text)).collect();
            staged.verdicts.insert(decision);
            staged.known.push(!is_new);
            staged.entries.push(Entry { at: (self.now)(), ids, content, verdict: decision, outcome, fields });
        }
        Ok(before.map_or(Look::New(decision), Look::Before))
    }

    /// The first decision on the transaction with these ids.
    fn first(&self, staged: &Staged, ids: u128) -> Result<Option<Entry>, String> {
        if let Some(n) = staged.firsts.get(&ids) {
            return Ok(staged.entries.get(*n).cloned());
        }
        let known = self.replays.own();
        let Some(at) = known.firsts.get(&ids).copied() else { return Ok(None) };
        known.entry(at).map(|(entry, _)| Some(entry)).map_err(|error| self.replays.wrong(&error))
    }

    /// How many decisions wait to be on disk.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.staged.borrow().entries.len()
    }

    /// Puts the decisions on disk. Only then may they be told.
    ///
    /// # Errors
    /// They cannot be, or another program is screening the same transactions.
    pub fn commit(&self) -> Result<(), String> {
        let mut staged = self.staged.borrow_mut();
        if staged.entries.is_empty() {
            return Ok(());
        }
        let replays = self.replays;
        let mut known = replays.lock().map_err(|error| replays.wrong(&error))?;
        let done = self.append(&mut known, &staged);
        let unlocked = known.file.unlock().map_err(|error| replays.wrong(&error));
        done?;
        unlocked?;
        staged.entries.clear();
        staged.known.clear();
        staged.firsts.clear();
        staged.verdicts.clear();
        Ok(())
    }

    fn append(&self, known: &mut Known, staged: &Staged) -> Result<(), String> {
        let replays = self.replays;
        let met = |(entry, was): (&Entry, &bool)| {
            known.verdicts.contains(&entry.verdict) || !was && known.firsts.contains_key(&entry.ids)
        };
        if staged.entries.iter().zip(&staged.known).any(met) {
            return Err(String::from(
                "the same transactions are being screened elsewhere at this moment; screen this again",
            ));
        }
        self.make_room(known, staged.entries.len())?;
        let lines: String = staged.entries.iter().map(Entry::line).collect();
        if let Err(error) = known.file.write_all(lines.as_bytes()).and_then(|()| known.file.sync_data()) {
            // All or none: a full disk leaves no half of it.
            let cut = known.file.set_len(known.read);
            let torn = cut.map_or_else(|cut| format!("; a torn line stays ({cut})"), |()| String::new());
            return Err(format!("{}{torn}", replays.wrong(&error)));
        }
        for entry in &staged.entries {
            let at = known.read;
            known.enter(entry, at);
            known.read += entry.line().len() as u64;
        }
        Ok(())
    }

    fn make_room(&self, known: &mut Known, more: usize) -> Result<(), String> {
        let Keeping { transactions_max, on_full, days } = self.replays.keeping;
        let wrong = |error: io::Error| self.replays.wrong(&error);
        known.expire((self.now)(), self.replays.keeping).map_err(wrong)?;
        while known.verdicts.len() + more > transactions_max {
            if on_full == OnFull::Refuse || known.oldest >= known.read {
                return Err(format!(
                    "{} holds {} decisions of the last {days} days and may hold {transactions_max}: nothing more is screened until \
                     they expire; keep fewer days or more transactions",
                    self.replays.path.display(),
                    known.verdicts.len()
                ));
            }
            let (entry, length) = known.entry(known.oldest).map_err(wrong)?;
            known.forget(&entry, length);
        }
        Ok(())
    }
}

/// A field, with digests of its path and its text.
struct Digests<'s> {
    path: u16,
    text: u32,
    source: &'s Payment,
    field: &'s Field,
}

fn digest(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let bytes: [u8; 32] = hash.finalize().into();
    bytes.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// An id, where it is one and not a word for none.
fn given(id: Option<&str>) -> &str {
    let id = id.map_or("", str::trim);
    let is_none = ["NOTPROVIDED", "NONREF", "NONE"].iter().any(|word| id.eq_ignore_ascii_case(word));
    if is_none { "" } else { id }
}

/// A transaction and all that counts of its content, in a form no other has; nothing where it has no ids.
pub(super) fn identity(payment: &Payment, context: Context<'_>) -> Option<String> {
    let ids = ids(payment, context)?;
    let (_, content) = digests(payment, context, &mut Vec::new());
    Some(format!("{ids:032x}{content:032x}"))
}

/// What identifies a transaction, if anything does.
fn ids(payment: &Payment, context: Context<'_>) -> Option<u128> {
    let [message, instruction, end_to_end, transaction, uetr] = context.ids(payment).map(given);
    let unique = [instruction, transaction, uetr].iter().any(|id| !id.is_empty());
    if !unique && end_to_end.is_empty() {
        return None;
    }
    let place = if unique { String::new() } else { context.place.to_string() };
    let batch = given(context.batch.any(Says::BatchId));
    let mut parts: Vec<&[u8]> =
        [message, batch, instruction, end_to_end, transaction, uetr, &place].map(str::as_bytes).to_vec();
    let own = [context.header, context.batch, payment];
    // A message without an id of its own is told from another sender's by who passed it on.
    for source in own.iter().take(if message.is_empty() { 3 } else { 2 }) {
        let sender = |field: &&Field| {
            (matches!(field.whom, Whom::Initiator | Whom::Intermediary) || names_sender(context, field.path))
                && matches!(field.says, Says::Bic | Says::Lei | Says::Member | Says::OrganisationId)
        };
        parts.extend(source.fields.iter().filter(sender).map(|field| source.text_of(field).as_bytes()));
    }
    Some(digest(&parts))
}

/// Whether a path is that of whoever passed the message on, whatever else they are in it.
fn names_sender(context: Context<'_>, path: u16) -> bool {
    let words = context.paths.words(path);
    words == mt103::SENDER || words == mt103::RECEIVER
}

/// Every field that counts: all of the transaction, and of its headers what may change what becomes of it. When a
/// message was written, and marks of its being sent again, do not. With them, a digest of all.
fn digests<'s>(payment: &'s Payment, context: Context<'s>, paths: &mut Vec<Option<u64>>) -> (Vec<Digests<'s>>, u128) {
    let sources = [payment, context.batch, context.header];
    let dated = sources.iter().any(|source| source.any(Says::ValueDate).or(source.any(Says::Accepted)).is_some());
    let mut found = Vec::with_capacity(payment.fields.len());
    let mut whole = Vec::with_capacity(payment.text.len() * 2);
    for (n, source) in sources.into_iter().enumerate() {
        for field in source.fields.iter().filter(|field| n == 0 || counts(field, dated)) {
            let path = of_path(context, field.path, paths);
            let text = source.text_of(field);
            whole.extend(path.to_be_bytes());
            whole.extend((text.len() as u64).to_be_bytes());
            whole.extend(text.as_bytes());
            let (path, text) = (path & 0xffff, quick(text) >> 32);
            let path = u16::try_from(path).unwrap_or(0);
            found.push(Digests { path, text: u32::try_from(text).unwrap_or(0), source, field });
        }
    }
    (found, digest(&[&whole]))
}

fn counts(field: &Field, dated: bool) -> bool {
    let says = matches!(
        field.says,
        Says::ValueDate | Says::Accepted | Says::Purpose | Says::Country | Says::Subdivision | Says::Residence
    );
    field.role.takes_part() || says || (field.says == Says::Created && !dated)
}

/// The digest of a path, worked out once a file.
fn of_path(context: Context<'_>, path: u16, paths: &mut Vec<Option<u64>>) -> u64 {
    let number = usize::from(path);
    if paths.len() <= number {
        paths.resize(number + 1, None);
    }
    let digest = || quick(&context.paths.words(path));
    paths.get_mut(number).map_or_else(digest, |slot| *slot.get_or_insert_with(digest))
}

/// A digest that only has to tell fields of one transaction apart (FNV-1a).
fn quick(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Where a transaction says something else than its first.
fn differing(first: &Entry, fields: &[Digests<'_>], screened: &Screened<'_>) -> Vec<String> {
    let mut before: HashMap<(u16, u32), usize> = HashMap::new();
    for field in &first.fields {
        *before.entry(*field).or_default() += 1;
    }
    let mut now = Vec::new();
    for field in fields {
        match before.get_mut(&(field.path, field.text)).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => now.push(field),
        }
    }
    let mut gone: Vec<u16> = before.iter().flat_map(|((path, _), left)| vec![*path; *left]).collect();
    let mut told = Vec::new();
    for Digests { path, source, field, .. } in &now {
        let other = gone.iter().position(|gone| gone == path);
        if let Some(n) = other {
            gone.swap_remove(n);
        }
        if told.len() < TOLD_MAX {
            let how = if other.is_some() { "now says" } else { "was not there and says" };
            let text: String = source.text_of(field).chars().take(TOLD_LETTERS_MAX).collect();
            let words = screened.context.paths.words(field.path);
            told.push(format!("{words} {how} “{text}” (bytes {}–{})", field.bytes.start, field.bytes.end));
        }
    }
    if now.len() > TOLD_MAX {
        told.push(format!("and {} fields more", now.len() - TOLD_MAX));
    }
    if !gone.is_empty() {
        let fields = if gone.len() == 1 { "field is" } else { "fields are" };
        told.push(format!("{} {fields} gone", gone.len()));
    }
    if told.is_empty() {
        told.push(String::from("the order of its fields"));
    }
    told
}

impl Entry {
    fn line(&self) -> String {
        let bytes: Vec<u8> = self
            .fields
            .iter()
            .flat_map(|(path, text)| path.to_be_bytes().into_iter().chain(text.to_be_bytes()))
            .collect();
        let rest = format!(
            "{} {:032x} {:032x} {:032x} {} {}",
            self.at,
            self.ids,
            self.content,
            self.verdict,
            self.outcome.word(),
            Base64Unpadded::encode_string(&bytes)
        );
        format!("{:08x} {rest}\n", check(&rest))
    }

    fn read(line: &str) -> Option<Self> {
        let (sum, rest) = line.split_once(' ')?;
        if u32::from_str_radix(sum, 16).ok()? != check(rest) {
            return None;
        }
        let mut cells = rest.split(' ');
        let at = cells.next()?.parse().ok()?;
        let mut number = || u128::from_str_radix(cells.next()?, 16).ok();
        let (ids, content, verdict) = (number()?, number()?, number()?);
        let word = cells.next()?;
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)?;
        let bytes = Base64Unpadded::decode_vec(cells.next()?).ok()?;
        let fields = bytes
            .chunks_exact(6)
            .filter_map(|chunk| {
                let (path, text) = chunk.split_at_checked(2)?;
                Some((u16::from_be_bytes(path.try_into().ok()?), u32::from_be_bytes(text.try_into().ok()?)))
            })
            .collect();
        cells.next().is_none().then_some(Self { at, ids, content, verdict, outcome, fields })
    }
}

fn check(text: &str) -> u32 {
    u32::try_from(digest(&[text.as_bytes()]) >> 96).unwrap_or(0)
}

#[cfg(test)]
mod tests;
