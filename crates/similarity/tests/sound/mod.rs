//! What must hold of whatever was read.

use similarity::artefact::Artefact;

/// Whether every number of what was read points at something.
pub(crate) fn is_sound(artefact: &Artefact) -> bool {
    artefact.code.iter().map(|code| &code.program).all(|program| {
        program.functions.iter().all(|function| {
            let fingerprints = program.fingerprints.get(function.fingerprints.range());
            (function.class as usize) < program.classes.len()
                && program.text.get(function.name.range()).is_some()
                && program.calls.get(function.calls.range()).is_some()
                && fingerprints.is_some_and(|own| own.is_sorted())
        })
    })
}
