//! Files that people rely on: each is there whole and durable, or as it was before.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// Puts these bytes into a file, in place of what it had.
///
/// # Errors
/// When they cannot be written; then it has what it had.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// The same for whoever writes piece by piece.
///
/// # Errors
/// As [`write`], and when `fill` fails.
pub(crate) fn write_with<T>(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<T> {
    let known = fs::metadata(path).ok();
    // What is no file, as a pipe or a terminal, has no whole.
    if known.as_ref().is_some_and(|known| !known.is_file()) {
        return fill(&mut OpenOptions::new().write(true).open(path)?);
    }
    // A link stays one.
    let place = fs::canonicalize(path).unwrap_or_else(|_new| path.to_owned());
    let beside = beside(&place)?;
    let written = (|| {
        let mut file = File::create(&beside)?;
        if let Some(known) = &known {
            // Its owner goes on reading it, as far as it is for us to say.
            let _kept = fchown(&file, Some(known.uid()), Some(known.gid()));
            file.set_permissions(known.permissions())?;
        }
        let made = fill(&mut file)?;
        file.sync_all()?;
        fs::rename(&beside, &place)?;
        Ok(made)
    })();
    finished(&beside, &place, written)
}

/// Makes a file with these bytes that nobody but its owner reads, where there is none yet.
///
/// # Errors
/// When there is one, or it cannot be written.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Unlike a rename, a link takes nobody's place; but not every file system has links.
        match fs::hard_link(&beside, path) {
            Ok(()) => fs::remove_file(&beside),
            Err(error) if error.kind() == ErrorKind::AlreadyExists || fs::symlink_metadata(path).is_ok() => Err(error),
            Err(_no_links) => fs::rename(&beside, path),
        }
    })();
    finished(&beside, path, written)
}

/// Makes a folder that nobody but its owner looks into, and those above it, durably.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    make(folder, 0o700)
}

/// Makes a folder that everybody may look into, and those above it, durably.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    make(folder, 0o777)
}

fn make(folder: &Path, mode: u32) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(mode).create(folder)?;
    folder.ancestors().skip(1).try_for_each(sync_folder)
}

/// Gives a file or a folder another name, durably.
///
/// # Errors
/// When it cannot be moved.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let above = folder_of(to);
    make_folder(above)?;
    fs::rename(from, to)?;
    sync_folder(above)?;
    sync_folder(folder_of(from))
}

/// Where a file lies until it is whole: of two who write it at once, each has a place of its own.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(hidden))
}

fn finished<T>(beside: &Path, path: &Path, written: io::Result<T>) -> io::Result<T> {
    if written.is_err() {
        // What is left of it is in nobody's way.
        let _gone = fs::remove_file(beside);
        return written;
    }
    sync_folder(folder_of(path))?;
    written
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in a folder durable, where its file system can and we may: the folders above our own need not be ours.
///
/// # Errors
/// When the disk says it could not.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(folder) {
        Ok(folder) => match folder.sync_all() {
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
            done => done,
        },
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{make_private, write, write_secret, write_with};
    use std::fs;
    use std::io::{ErrorKind, Write as _};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_whole_or_as_it_was() {
        let folder = std::env::temp_dir().join(format!("whole-{}", std::process::id()));
        make_private(&folder).expect("made");
        let (file, link) = (folder.join("file"), folder.join("link"));
        let mode = || fs::metadata(&file).expect("there").permissions().mode() & 0o777;
        write(&file, b"one").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("changed");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        write(&link, b"two").expect("written");
        assert_eq!((fs::read(&file).expect("there"), mode()), (b"two".to_vec(), 0o640));
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        let torn = write_with(&file, |out| {
            out.write_all(b"thr")?;
            Err::<(), _>(ErrorKind::StorageFull.into())
        });
        assert_eq!(
            (torn.unwrap_err().kind(), fs::read(&file).expect("there")),
            (ErrorKind::StorageFull, b"two".to_vec())
        );
        write(std::path::Path::new("/dev/null"), b"three").expect("written");
        assert_eq!(write_secret(&file, b"four").unwrap_err().kind(), ErrorKind::AlreadyExists);
        write_secret(&folder.join("secret"), b"five").expect("written");
        let names = fs::read_dir(&folder).expect("there").map(|entry| entry.expect("one").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        assert_eq!(names, ["file", "link", "secret"], "nothing else is left");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
