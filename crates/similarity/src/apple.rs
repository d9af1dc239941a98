//! placeholder

use crate::program::{Damage, Program};

pub(crate) fn extract(
    _path: &str,
    _bytes: &[u8],
    _program: &mut Program,
    _sink: &mut dyn FnMut(u64, &[u8]),
) -> Result<(), Damage> {
    Ok(())
}
