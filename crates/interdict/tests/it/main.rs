//! The binary as its users run it: the command line, the service on a real socket, known answers from outside.

#[cfg(test)]
mod apk_compare;
#[cfg(test)]
mod attest_commands;
#[cfg(test)]
mod attestations;
#[cfg(test)]
mod authority;
mod command;
#[cfg(test)]
mod desk;
mod edge;
#[cfg(test)]
mod gov_log;
mod guides;
mod house;
mod known_answers;
mod lab;
mod log;
#[cfg(test)]
mod log_copy;
#[cfg(test)]
mod log_faults;
#[cfg(test)]
mod log_override;
#[cfg(test)]
mod log_roll;
mod log_service;
#[cfg(test)]
mod log_signer;
#[cfg(test)]
mod log_statements;
mod log_witnesses;
#[cfg(test)]
mod payments;
mod program;
mod replay;
mod repository;
mod scan;
mod service;
mod store;
mod store_large;
mod store_standby;
#[cfg(test)]
mod store_variant;
mod vouched;
