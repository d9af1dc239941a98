//! The few things a log asks of a file system, so that a simulated one can lose power at each of them.
//!
//! What is promised: bytes written are durable after [`DiskFile::sync`]; names are durable after
//! [`Disk::sync_folder`]. Nothing else is assumed, neither that writes
//! reach the disk in order nor that a file is there because its folder was read.

use rustix::fs::{AtFlags, StatxFlags};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A place for files. Paths are relative to it and have `/` between their parts.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;

    /// Opens a file that is there.
    ///
    /// # Errors
    /// When it is not, or cannot be opened.
    fn open(&self, path: &str) -> io::Result<Self::File>;
    /// Makes a file, or empties the one that is there.
    ///
    /// # Errors
    /// When it cannot be made.
    fn create(&self, path: &str) -> io::Result<Self::File>;
    /// All bytes of a file.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
    /// The names in a folder, sorted; none if there is no such folder.
    ///
    /// # Errors
    /// When it cannot be read.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Makes a folder and those above it.
    ///
    /// # Errors
    /// When it cannot be made.
    fn make_folder(&self, folder: &str) -> io::Result<()>;
    /// The same, with the names on the way to it durable: what is put there durably is lost with a folder that is not.
    ///
    /// # Errors
    /// When it cannot.
    fn make_folder_durably(&self, folder: &str) -> io::Result<()> {
        self.make_folder(folder)?;
        let mut above = folder;
        while !above.is_empty() {
            above = folder_of(above);
            self.sync_folder(above)?;
        }
        Ok(())
    }
    /// Gives a file another name, in place of what bears it.
    ///
    /// # Errors
    /// When it cannot.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file, or a folder that is empty.
    ///
    /// # Errors
    /// When it cannot.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// When the disk says it could not.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
    /// Makes the bytes of files and the names in folders durable, in whatever order.
    ///
    /// # Errors
    /// When the disk says it could not.
    fn sync_all(&self, files: &[String], folders: &[String]) -> io::Result<()> {
        files.iter().try_for_each(|path| self.open(path)?.sync())?;
        folders.iter().try_for_each(|folder| self.sync_folder(folder))
    }

    /// Writes a whole file under another name and renames it, so that it is there whole or not at all. Not yet durable.
    ///
    /// # Errors
    /// When it cannot.
    fn put(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{path}{TEMPORARY}");
        let mut file = self.create(&temporary)?;
        file.write_at(0, bytes)?;
        self.rename(&temporary, path)
    }

    /// The same, durable when it returns.
    ///
    /// # Errors
    /// When it cannot.
    fn put_durably(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{path}{TEMPORARY}");
        let mut file = self.create(&temporary)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        self.rename(&temporary, path)?;
        self.sync_folder(folder_of(path))
    }
}

/// Files that are made durable one by one. For more, one sync of the whole file system costs less, although it also
/// waits for what other programs have written.
const FILES_SYNCED_ALONE_MAX: usize = 96;

/// Syncs that are asked for at once. They share the flushes of the disk, so that all take little longer than one; one
/// after the other, each would come between two commits of the write-ahead log.
const SYNCS_AT_ONCE: usize = 8;

/// Bytes of zeros after which the disk is let do other things: a commit in between waits for so much and not for a
/// segment.
pub(crate) const ZEROS_AT_ONCE: usize = 256 * 1024;

/// Overwrites all there is of a file with zeros, durably.
pub(crate) fn blank<D: Disk>(disk: &D, path: &str) -> io::Result<()> {
    let mut file = disk.open(path)?;
    let zeros = vec![0; ZEROS_AT_ONCE];
    let mut found = vec![0; ZEROS_AT_ONCE];
    let mut offset = 0;
    loop {
        let length = file.read_at(offset, &mut found)?;
        if length == 0 {
            return Ok(());
        }
        file.write_at(offset, zeros.get(..length).unwrap_or(&zeros))?;
        file.sync()?;
        offset += length as u64;
    }
}

/// How a file is called until it is whole.
pub const TEMPORARY: &str = ".tmp";

/// The folder a path lies in.
#[must_use]
pub fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// An open file.
pub trait DiskFile: Send + 'static {
    /// Reads up to `into.len()` bytes from an offset and says how many there were.
    ///
    /// # Errors
    /// When it cannot.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Writes all bytes at an offset. Not yet durable.
    ///
    /// # Errors
    /// When it cannot; some of them may be written then.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes the bytes of the file durable.
    ///
    /// # Errors
    /// When the disk says it could not. What was written since the last success may or may not be there then, and
    /// reading it proves nothing.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder of the machine.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Under this path.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Locks a file for as long as the answer is kept, and returns `None` if somebody else has it.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn lock(&self, path: &str) -> io::Result<Option<File>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(self.at(path))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn private(path: &str) -> bool {
    !path.starts_with("public/")
}

impl Disk for Folder {
    type File = File;

    fn open(&self, path: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.at(path))
    }

    fn create(&self, path: &str) -> io::Result<File> {
        // What is not for publication is for nobody but the owner.
        let mode = if private(path) { 0o600 } else { 0o644 };
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(mode).open(self.at(path))
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.at(path))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.at(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        fs::create_dir_all(self.at(folder))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.at(path);
        if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) }
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.at(folder))?.sync_all()
    }

    fn sync_all(&self, files: &[String], folders: &[String]) -> io::Result<()> {
        if files.len() > FILES_SYNCED_ALONE_MAX {
            return rustix::fs::syncfs(&File::open(&self.0)?).map_err(io::Error::from);
        }
        let all: Vec<&String> = files.iter().chain(folders).collect();
        std::thread::scope(|scope| {
            let share = all.len().div_ceil(SYNCS_AT_ONCE).max(1);
            let sync = |some: &[&String]| some.iter().try_for_each(|path| File::open(self.at(path))?.sync_all());
            let thread = || std::thread::Builder::new().name(String::from("log sync"));
            let begun: Vec<_> =
                all.chunks(share).map(|some| thread().spawn_scoped(scope, move || sync(some))).collect();
            begun.into_iter().try_for_each(|thread| {
                thread?.join().unwrap_or_else(|_panicked| Err(io::Error::other("a thread that syncs ended")))
            })
        })
    }
}

impl DiskFile for File {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)?;
        self.flush()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()?;
        // Somebody tidied up below whoever writes: what has no name any more ends with this process. Only that is asked: once
        // somebody has read its times, the kernel must note those of the next write, and a commit takes half as long again.
        let links = rustix::fs::statx(&*self, "", AtFlags::EMPTY_PATH, StatxFlags::NLINK)?.stx_nlink;
        if links == 0 {
            return Err(io::Error::new(ErrorKind::NotFound, "the file was removed while it was being written"));
        }
        Ok(())
    }
}
