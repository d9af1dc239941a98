//! Where a published log is read from: a folder, or an address that serves the same files (a service, a bucket).
//!
//! Neither is believed; what is read is checked by whoever reads.

use crate::log::Problem;
use crate::outgoing;
use ledger::disk::{Disk, Folder};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest file of a log is a bundle: 256 entries of 65,535 bytes, each with its length.
const FILE_BYTES_MAX: u64 = 256 * (65_535 + 2);

/// How long one file may take: a bundle of the longest entries over a slow line.
const READ_WAIT_MAX: Duration = Duration::from_secs(30);

/// How often an address is asked for a file before it counts as unreadable.
const READ_TRIES: u32 = 3;

/// How long before it is asked again.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Where an address may point before it leads nowhere: as many as browsers of buckets need.
const REDIRECTS_MAX: u32 = 3;

/// Files fetched at once: what browsers do, and enough that a far server answers at the speed of the line.
const FETCHES_AT_ONCE: usize = 8;

/// A published log.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Its public folder.
    Folder(Folder),
    /// What serves that folder.
    Web {
        /// The address of the folder, without a slash at its end.
        base: String,
        /// Connections that are kept open.
        agent: ureq::Agent,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.path().display()),
            Self::Web { base, .. } => f.write_str(base),
        }
    }
}

/// Whether what was typed is an address.
pub(crate) fn is_address(typed: &Path) -> bool {
    typed.to_str().is_some_and(|text| text.starts_with("http://") || text.starts_with("https://"))
}

impl Place {
    /// What was typed: an address, a public folder, or the folder it lies in.
    pub(crate) fn at(typed: &Path) -> Self {
        if !is_address(typed) {
            let inner = typed.join("public");
            let folder = if inner.is_dir() { inner } else { typed.to_owned() };
            return Self::Folder(Folder::new(folder));
        }
        let text = typed.to_string_lossy();
        Self::Web { base: text.trim_end_matches('/').to_owned(), agent: outgoing::agent(READ_WAIT_MAX, REDIRECTS_MAX) }
    }

    /// The folder that `log new` made, where that was named in the place of one of its two logs.
    pub(crate) fn home_of_two(&self) -> Option<String> {
        let Self::Folder(folder) = self else { return None };
        let has = |log: &str| folder.path().join(log).join("public").is_dir();
        (has("gov") && has("dec")).then(|| folder.path().display().to_string())
    }

    /// What is public of the log in a folder of ours.
    pub(crate) fn public(log: &Folder) -> Self {
        Self::Folder(Folder::new(log.path().join("public")))
    }

    /// What lies below.
    pub(crate) fn below(&self, name: &str) -> Self {
        match self {
            Self::Folder(folder) => Self::Folder(Folder::new(folder.path().join(name))),
            Self::Web { base, agent } => Self::Web { base: format!("{base}/{name}"), agent: agent.clone() },
        }
    }

    /// The same, but an address is given up after this time.
    pub(crate) fn waiting(self, time_max: Duration) -> Self {
        match self {
            Self::Folder(_) => self,
            Self::Web { base, .. } => Self::Web { base, agent: outgoing::agent(time_max, REDIRECTS_MAX) },
        }
    }

    /// Whether it lies where logs are put that were sealed.
    pub(crate) fn is_past(&self) -> bool {
        let place = self.to_string();
        let mut parts = place.trim_end_matches("/public").rsplit('/').skip(2);
        parts.next() == Some("past")
    }

    /// Where a log of the same kind and keeper lies that was sealed.
    pub(crate) fn past(&self, number: u64) -> Self {
        match self {
            Self::Folder(disk) => {
                let log = disk.path().parent().unwrap_or(disk.path());
                let beside = log.parent().filter(|kind| kind.parent().is_some_and(|past| past.ends_with("past")));
                if let Some(kind) = beside {
                    return Self::Folder(Folder::new(kind.join(number.to_string()).join("public")));
                }
                let name = log.file_name().unwrap_or_default();
                let home = log.parent().unwrap_or(log);
                Self::Folder(Folder::new(home.join("past").join(name).join(number.to_string()).join("public")))
            }
            Self::Web { base, agent } => {
                let (home, name) = base.rsplit_once('/').unwrap_or((base, ""));
                let is_past = home.rsplit_once('/').is_some_and(|(past, _)| past.ends_with("/past"));
                let base = if is_past { format!("{home}/{number}") } else { format!("{home}/past/{name}/{number}") };
                Self::Web { base, agent: agent.clone() }
            }
        }
    }

    /// The bytes of a file, asked for once; `None` if there is none.
    pub(crate) fn find(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        let read = match self {
            Self::Folder(folder) => folder.read(path),
            Self::Web { base, agent } => fetch(agent, &format!("{base}/{path}")).map_err(|(error, _)| error),
        };
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read {}: {error}", self.file(path).display())),
        }
    }

    /// How a file of it is called in reports.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().join(path),
            Self::Web { base, .. } => PathBuf::from(format!("{base}/{path}")),
        }
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// That it is not there, or cannot be read.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>, Problem> {
        Disk::read(self, path).map_err(|error| Problem::file(&self.file(path), error))
    }

    /// How many threads a check of it keeps busy.
    pub(crate) fn threads(&self) -> usize {
        match self {
            Self::Folder(_) => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            Self::Web { .. } => FETCHES_AT_ONCE,
        }
    }
}

/// One answer of an address, or why there is none and whether to ask again.
fn fetch(agent: &ureq::Agent, url: &str) -> Result<Vec<u8>, (io::Error, bool)> {
    let mut answer = agent.get(url).call().map_err(|error| (io::Error::other(error), true))?;
    match answer.status().as_u16() {
        200 => {
            let body = answer.body_mut().with_config().limit(FILE_BYTES_MAX).read_to_vec();
            body.map_err(|error| (io::Error::other(error), true))
        }
        404 => Err((io::Error::new(ErrorKind::NotFound, "it is not there (404)"), false)),
        status => Err((io::Error::other(format!("the server answers {status}")), status >= 500)),
    }
}

fn only_read() -> io::Error {
    io::Error::new(ErrorKind::Unsupported, "a published log is only read")
}

impl Disk for Place {
    type File = File;

    fn open(&self, _path: &str) -> io::Result<File> {
        Err(only_read())
    }

    fn create(&self, _path: &str) -> io::Result<File> {
        Err(only_read())
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let (base, agent) = match self {
            Self::Folder(folder) => return folder.read(path),
            Self::Web { base, agent } => (base, agent),
        };
        let url = format!("{base}/{path}");
        let mut tries = 1;
        loop {
            match fetch(agent, &url) {
                Ok(bytes) => return Ok(bytes),
                Err((_, true)) if tries < READ_TRIES => {
                    std::thread::sleep(READ_AGAIN_AFTER);
                    tries += 1;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// An address tells of no file that was not asked for.
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        match self {
            Self::Folder(disk) => disk.list(folder),
            Self::Web { .. } => Ok(Vec::new()),
        }
    }

    fn make_folder(&self, _folder: &str) -> io::Result<()> {
        Err(only_read())
    }

    fn rename(&self, _from: &str, _to: &str) -> io::Result<()> {
        Err(only_read())
    }

    fn remove(&self, _path: &str) -> io::Result<()> {
        Err(only_read())
    }

    fn sync_folder(&self, _folder: &str) -> io::Result<()> {
        Err(only_read())
    }
}
