//! A sorted table of fingerprints and numbers in pages of fixed size: only the first fingerprint of each page is held
//! in memory, and a lookup reads the pages it needs and no others. Written once, never changed; knows no files.

use crate::program::Damage;
use flate2::Crc;
use std::io::{self, Write};

/// First bytes of every table; the last one is the version.
const MAGIC: [u8; 8] = *b"idtable\x01";
/// Bytes of a page: what a file system reads at once.
const PAGE_BYTES: usize = 4_096;
const ENTRY_BYTES: usize = 12;
/// Entries of a page; its last four bytes are a checksum.
const PAGE_ENTRIES: usize = (PAGE_BYTES - 4) / ENTRY_BYTES;
/// The magic, the number of entries, a checksum of the fences, and room up to a page.
const HEAD_BYTES: u64 = PAGE_BYTES as u64;
/// Pages of one table: its fences then take 512 MiB, and it holds 22 thousand million entries.
const PAGES_MAX: u64 = 1 << 26;

/// Fences around a guess that are looked at first: those of a cache line or two.
const NEAR: usize = 16;

/// Fewer fingerprints than this are looked up before another thread has begun.
const WANTED_EACH_MIN: usize = 1_024;

/// Where the bytes of a table are.
pub trait Pages {
    /// Fills `into` from an offset on.
    ///
    /// # Errors
    /// If there are not as many bytes, or they cannot be read.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// How many bytes there are.
    ///
    /// # Errors
    /// If that cannot be found out.
    fn length(&self) -> io::Result<u64>;
}

impl Pages for Vec<u8> {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let found = start.checked_add(into.len()).and_then(|end| self.get(start..end));
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

/// A fingerprint, and the number of what holds it.
pub type Entry = (u64, u32);

/// Writes a table of entries that come sorted by fingerprint. `count` is how many there are: it stands in the head.
///
/// # Errors
/// If writing fails, the entries are not sorted, or there are not `count` of them.
pub fn write(count: u64, entries: impl Iterator<Item = Entry>, out: &mut impl Write) -> io::Result<()> {
    if count.div_ceil(PAGE_ENTRIES as u64) > PAGES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "more entries than one table holds"));
    }
    let mut head = MAGIC.to_vec();
    head.extend(count.to_le_bytes());
    head.resize(PAGE_BYTES, 0);
    out.write_all(&head)?;
    let mut fences = Vec::new();
    let mut page: Vec<u8> = Vec::with_capacity(PAGE_BYTES);
    let (mut written, mut last) = (0_u64, 0_u64);
    for (fingerprint, number) in entries {
        if fingerprint < last || written == count {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "entries out of order, or more than were announced",
            ));
        }
        (last, written) = (fingerprint, written + 1);
        if page.is_empty() {
            fences.extend(fingerprint.to_le_bytes());
        }
        page.extend(fingerprint.to_le_bytes());
        page.extend(number.to_le_bytes());
        if page.len() == PAGE_ENTRIES * ENTRY_BYTES {
            finish(&mut page, out)?;
        }
    }
    if written != count {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "fewer entries than were announced"));
    }
    if !page.is_empty() {
        finish(&mut page, out)?;
    }
    out.write_all(&fences)?;
    out.write_all(&checksum(&fences).to_le_bytes())
}

fn finish(page: &mut Vec<u8>, out: &mut impl Write) -> io::Result<()> {
    page.resize(PAGE_BYTES - 4, 0);
    let sum = checksum(page);
    page.extend(sum.to_le_bytes());
    out.write_all(page)?;
    page.clear();
    Ok(())
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Why a table gives no answer.
#[derive(Debug)]
pub enum Fault {
    /// Its bytes contradict themselves.
    Damaged(Damage),
    /// They cannot be read.
    Unreadable(io::Error),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(damage) => write!(f, "{damage}"),
            Self::Unreadable(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Fault {}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::Damaged(Damage::Truncated)
        } else {
            Self::Unreadable(error)
        }
    }
}

/// A table, opened.
#[derive(Debug)]
pub struct Table<P> {
    pages: P,
    entries: u64,
    /// The first fingerprint of each page.
    fences: Vec<u64>,
}

impl<P: Pages> Table<P> {
    /// Reads the fences and nothing else.
    ///
    /// # Errors
    /// If it is no table, cut short, or its fences are damaged.
    pub fn open(pages: P) -> Result<Self, Fault> {
        let mut head = [0; 16];
        pages.read_at(0, &mut head)?;
        let count = head.strip_prefix(&MAGIC).and_then(|rest| rest.first_chunk());
        let entries = u64::from_le_bytes(*count.ok_or(Fault::Damaged(Damage::NotOne))?);
        let count = entries.div_ceil(PAGE_ENTRIES as u64);
        let expected = HEAD_BYTES + count.saturating_mul(PAGE_BYTES as u64 + 8).saturating_add(4);
        if count > PAGES_MAX || pages.length()? != expected {
            return Err(Fault::Damaged(Damage::Truncated));
        }
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(usize::MAX) * 8 + 4];
        pages.read_at(HEAD_BYTES + count * PAGE_BYTES as u64, &mut bytes)?;
        let (fences, sum) = bytes.split_last_chunk::<4>().ok_or(Fault::Damaged(Damage::Truncated))?;
        let (words, _) = fences.as_chunks::<8>();
        let sound = u32::from_le_bytes(*sum) == checksum(fences);
        let fences: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        if !sound || !fences.is_sorted() {
            return Err(Fault::Damaged(Damage::Malformed));
        }
        Ok(Self { pages, entries, fences })
    }

    /// How many entries there are.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Tells `found` every entry whose fingerprint is wanted, in order; `wanted` is sorted. Up to `threads` look at
    /// once: nearly all of the time goes by until the system has fetched a page.
    ///
    /// # Errors
    /// If a page cannot be read, or is not what was written.
    pub fn find(&self, wanted: &[u64], threads: usize, found: &mut dyn FnMut(u64, u32)) -> Result<(), Fault>
    where
        P: Sync,
    {
        let parts = (wanted.len() / WANTED_EACH_MIN).clamp(1, threads.max(1));
        if parts == 1 {
            return self.look(wanted, found);
        }
        let results: Vec<Result<Vec<Entry>, Fault>> = std::thread::scope(|scope| {
            let look = |part| {
                let mut entries = Vec::new();
                self.look(part, &mut |fingerprint, number| entries.push((fingerprint, number))).map(|()| entries)
            };
            let parts = wanted.chunks(wanted.len().div_ceil(parts));
            let looking: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
            let failed =
                |_panicked| Err(Fault::Unreadable(io::Error::other("a thread that looked up fingerprints failed")));
            looking.into_iter().map(|thread| thread.join().unwrap_or_else(failed)).collect()
        });
        for part in results {
            part?.into_iter().for_each(|(fingerprint, number)| found(fingerprint, number));
        }
        Ok(())
    }

    /// The same, by one thread. Each page is read at most once.
    fn look(&self, wanted: &[u64], found: &mut dyn FnMut(u64, u32)) -> Result<(), Fault> {
        let mut rest = wanted;
        let mut page = [0; PAGE_BYTES];
        let mut next = 0;
        while let Some(first) = rest.first() {
            // Entries of one fingerprint may begin on the page before the first fence that is not less.
            let at = self.before(next, *first).saturating_sub(1).max(next);
            let Some(fence) = self.fences.get(at) else { break };
            let skipped = rest.iter().take_while(|f| *f < fence).count();
            rest = rest.get(skipped..).unwrap_or(&[]);
            let after = self.fences.get(at + 1).copied();
            let here = rest.iter().take_while(|f| after.is_none_or(|after| **f <= after)).count();
            let here = rest.get(..here).unwrap_or(&[]);
            if !here.is_empty() {
                self.pages.read_at(HEAD_BYTES + at as u64 * PAGE_BYTES as u64, &mut page)?;
                search(&page, self.entries_of(at), here, found)?;
            }
            // One that equals the next fence goes on there.
            let done = here.iter().take_while(|f| after.is_none_or(|after| **f < after)).count();
            rest = rest.get(done..).unwrap_or(&[]);
            next = at + 1;
        }
        Ok(())
    }

    /// How many fences are less than a fingerprint, when the first `from` are. Fingerprints are spread evenly, so the
    /// place is near where it would be by their distance alone.
    fn before(&self, from: usize, fingerprint: u64) -> usize {
        let is_less = |at: usize| self.fences.get(at).is_some_and(|fence| *fence < fingerprint);
        let guess = self.guess(from, fingerprint);
        let mut step = NEAR;
        let (mut start, mut end) = (guess, guess);
        if is_less(guess) {
            while is_less(end) {
                (start, end) = (end, end.saturating_add(step));
                step *= 2;
            }
        } else {
            while start > from && !is_less(start) {
                (start, end) = (start.saturating_sub(step).max(from), start);
                step *= 2;
            }
        }
        let near = self.fences.get(start..end.min(self.fences.len())).unwrap_or(&[]);
        start + near.partition_point(|fence| *fence < fingerprint)
    }

    fn guess(&self, from: usize, fingerprint: u64) -> usize {
        let (Some(first), Some(last)) = (self.fences.get(from), self.fences.last()) else { return from };
        // There are fewer than 2^32 fences, so that this fits.
        let (way, all) = (fingerprint.saturating_sub(*first) >> 32, last.saturating_sub(*first) >> 32);
        let rest = (self.fences.len() - from) as u64;
        let far = (way * rest).checked_div(all).and_then(|far| usize::try_from(far).ok()).unwrap_or(0);
        from.saturating_add(far).min(self.fences.len() - 1)
    }

    /// Every entry, in order, page by page.
    pub fn entries_in_order(&self) -> Entries<'_, P> {
        Entries { table: self, page: Box::new([0; PAGE_BYTES]), next: 0, held: 0..0 }
    }

    fn entries_of(&self, page: usize) -> usize {
        let before = page as u64 * PAGE_ENTRIES as u64;
        usize::try_from(self.entries.saturating_sub(before)).unwrap_or(usize::MAX).min(PAGE_ENTRIES)
    }
}

/// The entries of a table, in order. It ends behind the first fault.
#[derive(Debug)]
pub struct Entries<'a, P> {
    table: &'a Table<P>,
    page: Box<[u8; PAGE_BYTES]>,
    /// The page that is read next.
    next: usize,
    /// What of the page has not been told.
    held: std::ops::Range<usize>,
}

impl<P: Pages> Entries<'_, P> {
    fn turn(&mut self) -> Result<(), Fault> {
        self.table.pages.read_at(HEAD_BYTES + self.next as u64 * PAGE_BYTES as u64, &mut self.page[..])?;
        check(&self.page[..])?;
        self.held = 0..self.table.entries_of(self.next);
        self.next += 1;
        Ok(())
    }
}

impl<P: Pages> Iterator for Entries<'_, P> {
    type Item = Result<Entry, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.held.is_empty() {
            if self.next >= self.table.fences.len() {
                return None;
            }
            if let Err(fault) = self.turn() {
                self.next = usize::MAX;
                return Some(Err(fault));
            }
        }
        let (entries, _) = self.page.as_chunks::<ENTRY_BYTES>();
        let entry = self.held.next().and_then(|n| entries.get(n))?;
        Some(Ok((key(entry), number(entry))))
    }
}

/// The entries of a page, if it is what was written.
fn check(page: &[u8]) -> Result<&[[u8; ENTRY_BYTES]], Fault> {
    let (body, sum) = page.split_last_chunk::<4>().ok_or(Fault::Damaged(Damage::Truncated))?;
    if u32::from_le_bytes(*sum) != checksum(body) {
        return Err(Fault::Damaged(Damage::Malformed));
    }
    Ok(body.as_chunks().0)
}

fn key(entry: &[u8; ENTRY_BYTES]) -> u64 {
    entry.first_chunk().map_or(0, |eight| u64::from_le_bytes(*eight))
}

fn number(entry: &[u8; ENTRY_BYTES]) -> u32 {
    entry.last_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

fn search(page: &[u8], entries: usize, wanted: &[u64], found: &mut dyn FnMut(u64, u32)) -> Result<(), Fault> {
    let all = check(page)?;
    let all = all.get(..entries).unwrap_or(all);
    for fingerprint in wanted {
        let start = all.partition_point(|entry| key(entry) < *fingerprint);
        let same = all.get(start..).unwrap_or(&[]).iter().take_while(|entry| key(entry) == *fingerprint);
        same.for_each(|entry| found(*fingerprint, number(entry)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::mix;

    fn table(entries: &[Entry]) -> Vec<u8> {
        let mut out = Vec::new();
        write(entries.len() as u64, entries.iter().copied(), &mut out).unwrap();
        out
    }

    fn find(bytes: Vec<u8>, wanted: &[u64]) -> Result<Vec<Entry>, Fault> {
        let mut found = Vec::new();
        Table::open(bytes)?.find(wanted, 1, &mut |f, n| found.push((f, n)))?;
        Ok(found)
    }

    #[test]
    fn many_threads_tell_what_one_tells_in_the_same_order() {
        let entries: Vec<Entry> = (0..20_000_u32).map(|n| (u64::from(n / 3) << 40, n)).collect();
        let table = Table::open(table(&entries)).unwrap();
        let wanted: Vec<u64> = (0..7_000).map(|n| n << 40).collect();
        let told = |threads| {
            let mut found = Vec::new();
            table.find(&wanted, threads, &mut |f, n| found.push((f, n))).unwrap();
            found
        };
        assert_eq!(told(1), entries);
        assert!((0..9).all(|threads| told(threads) == entries));
    }

    #[test]
    fn it_answers_as_a_plain_list_does() {
        for (seed, count) in [(1, 0), (2, 1), (3, 341), (4, 342), (5, 5_000)] {
            // Few different fingerprints, so that some of them run over several pages.
            let mut entries: Vec<Entry> =
                (0..count).map(|n: u32| (mix(mix(seed + u64::from(n)) % 9 * 1_000 + u64::from(n % 7)), n)).collect();
            entries.sort_unstable();
            let mut wanted: Vec<u64> = entries.iter().step_by(3).map(|(f, _)| *f).chain((0..50).map(mix)).collect();
            wanted.sort_unstable();
            wanted.dedup();
            let plain: Vec<Entry> = entries.iter().copied().filter(|(f, _)| wanted.contains(f)).collect();
            let mut found = find(table(&entries), &wanted).unwrap();
            found.sort_unstable();
            assert_eq!(found, plain, "{count} entries");
            let table = Table::open(table(&entries)).unwrap();
            let mut all: Vec<Entry> = table.entries_in_order().map(Result::unwrap).collect();
            assert!(all.is_sorted_by_key(|(f, _)| *f));
            all.sort_unstable();
            assert_eq!(all, entries);
        }
    }

    #[test]
    fn a_damaged_table_is_an_error_and_never_an_answer() {
        let entries: Vec<Entry> = (0..700_u32).map(|n| (u64::from(n) * 3, n)).collect();
        let good = table(&entries);
        let wanted: Vec<u64> = entries.iter().map(|(f, _)| *f).collect();
        let right = find(good.clone(), &wanted).unwrap();
        for cut in (0..good.len()).step_by(97) {
            assert!(find(good[..cut].to_vec(), &wanted).is_err(), "cut at {cut}");
        }
        for at in (0..good.len()).step_by(5) {
            let mut turned = good.clone();
            turned[at] ^= 0x10;
            // The rest of the first page holds nothing.
            if let Ok(found) = find(turned, &wanted) {
                assert!((16..PAGE_BYTES).contains(&at), "a turned bit at {at}");
                assert_eq!(found, right);
            }
        }
    }

    #[test]
    fn what_is_not_sorted_or_not_as_announced_is_not_written() {
        let mut out = Vec::new();
        assert!(write(2, [(5, 0), (4, 0)].into_iter(), &mut out).is_err());
        assert!(write(1, [(4, 0), (5, 0)].into_iter(), &mut out).is_err());
        assert!(write(3, [(4, 0), (5, 0)].into_iter(), &mut out).is_err());
        assert!(write(u64::MAX, std::iter::empty(), &mut out).is_err());
    }
}
