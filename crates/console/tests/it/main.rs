//! The console as it is served: its pages as documents, and in a real browser.

mod browser;
mod pages;
#[cfg(test)]
mod receipts;
mod served;
