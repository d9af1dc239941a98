//! Keeps decision records in a file, one CloudEvent a line. A line is whole or it is not there: what a full
//! disk or a sudden end tore off is cut away.

use crate::whole_file;
use gate::recorder::Keeper;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Written at once: large enough that the file costs little beside the records, small enough to lose little.
const BATCH_RECORDS_MAX: usize = 512;
/// How long records gather before they are written, unless a batch is full: who leaves one meanwhile need not wake anybody,
/// which would cost a busy gate more than deciding does. A sudden end loses what has gathered.
const GATHER_TIME: Duration = Duration::from_millis(10);
/// How long to wait before a file that could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// No record's line is longer by far; a torn line is looked for this far from the end.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A file of records, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    len: u64,
}

impl Journal {
    /// Opens the file or makes it, and cuts off a torn last line.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
        let opened = opened.and_then(|mut file| whole_lines(&mut file).map(|len| (file, len)));
        // A file that is new is lost with its name.
        let named = |opened| whole_file::sync_folder(path.parent().unwrap_or(path)).map(|()| opened);
        let opened = opened.and_then(named);
        let (file, len) = opened.map_err(|error| format!("cannot record in {}: {error}", path.display()))?;
        Ok(Self { path: path.to_owned(), file, len })
    }

    /// Sees to it that what was written is on disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Writes lines, all or none.
    pub(crate) fn append(&mut self, lines: &str) -> io::Result<()> {
        match self.file.write_all(lines.as_bytes()) {
            Ok(()) => {
                self.len += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                if !self.file.metadata()?.is_file() {
                    return Err(error);
                }
                let torn = |cut: io::Error| io::Error::other(format!("{error}; a torn line stays ({cut})"));
                self.file.set_len(self.len).map_err(torn)?;
                Err(error)
            }
        }
    }

    /// Keeps every record until the last gate is gone. Runs in a thread of its own.
    pub(crate) fn keep(mut self, mut keeper: Keeper) {
        let mut batch = Vec::with_capacity(BATCH_RECORDS_MAX);
        let mut is_failing = false;
        loop {
            let taken = keeper.records.blocking_recv_many(&mut batch, BATCH_RECORDS_MAX);
            if taken == 0 {
                break;
            }
            let mut lines = String::with_capacity(batch.len() * 768);
            for record in batch.drain(..) {
                lines.push_str(&record.to_event());
                lines.push('\n');
            }
            while let Err(error) = self.append(&lines) {
                if !is_failing {
                    eprintln!("decisions cannot be recorded in {}: {error}", self.path.display());
                    is_failing = true;
                    keeper.set_failing(true);
                }
                if keeper.records.is_closed() {
                    let lost = lines.lines().count() + keeper.records.len();
                    eprintln!("{lost} decisions end unrecorded");
                    keeper.lost(lost as u64);
                    return;
                }
                std::thread::sleep(RETRY_AFTER);
            }
            if is_failing {
                eprintln!("decisions are recorded again in {}", self.path.display());
                is_failing = false;
                keeper.set_failing(false);
            }
            if taken < BATCH_RECORDS_MAX && !keeper.records.is_closed() {
                std::thread::sleep(GATHER_TIME);
            }
        }
        if let Err(error) = self.sync() {
            eprintln!("{} may not be on disk: {error}", self.path.display());
        }
    }
}

/// The length of the whole lines of a file, to which it is cut.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let metadata = file.metadata()?;
    // A pipe or a device has no end to look at.
    if !metadata.is_file() {
        return Ok(0);
    }
    let len = metadata.len();
    let from = len.saturating_sub(LINE_BYTES_MAX);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(LINE_BYTES_MAX).read_to_end(&mut tail)?;
    let torn = tail.iter().rev().take_while(|byte| **byte != b'\n').count() as u64;
    if torn == len.min(LINE_BYTES_MAX) && torn > 0 {
        return Err(io::Error::other("it is not a file of lines; name another"));
    }
    if torn > 0 {
        file.set_len(len - torn)?;
    }
    Ok(len - torn)
}

#[cfg(test)]
mod tests {
    use super::{Journal, LINE_BYTES_MAX};
    use std::io::Write as _;

    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("interdict-journal-{}-{name}", std::process::id()))
    }

    #[test]
    fn a_torn_line_is_cut_and_whole_ones_stay() {
        for (name, before, after) in
            [("torn", "{\"a\":1}\n{\"b\":", "{\"a\":1}\n{}\n"), ("whole", "x\n", "x\n{}\n"), ("new", "", "{}\n")]
        {
            let path = path(name);
            std::fs::write(&path, before).unwrap();
            let mut journal = Journal::open(&path).unwrap();
            journal.append("{}\n").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after, "{name}");
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_of_lines_is_left_alone() {
        let path = path("other");
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(&vec![b'x'; 2 * usize::try_from(LINE_BYTES_MAX).unwrap()]).unwrap();
        assert!(Journal::open(&path).unwrap_err().contains("name another"));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 * LINE_BYTES_MAX);
        std::fs::remove_file(&path).unwrap();
        assert!(Journal::open(std::path::Path::new("/nowhere/at/all")).is_err());
    }
}
