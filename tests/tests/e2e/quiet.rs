//! Tests that measure, and tests that load the machine, do not run at the same time.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::const_new(());

/// Until it is dropped, others like this one may run: those that use little of the machine.
pub(crate) async fn light() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

/// Until it is dropped, no other test runs: this one loads the machine, or measures short times.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}
