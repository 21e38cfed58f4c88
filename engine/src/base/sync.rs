//! What threads meet at: locks, conditions, and the pointer that readers take.
//!
//! *What it is:* `Mutex`, `RwLock` and `Condvar` of `parking_lot`, and `Newest`, a pointer that is swapped whole. Built
//! with `--cfg nave_shuttle` the same names are those of `shuttle`, which runs a test under thousands of schedules.
//! *Invariants:* whatever one thread may wait at for another comes from here; what is held only for a few lines that
//! wait for nothing, as the locks of a disk in memory, need not.

#[cfg(not(nave_shuttle))]
pub use real::{Condvar, Mutex, Newest, RwLock};
#[cfg(nave_shuttle)]
pub use scheduled::{Condvar, Mutex, Newest, RwLock};

#[cfg(not(nave_shuttle))]
mod real {
    use parking_lot::MutexGuard;
    pub use parking_lot::{Mutex, RwLock};
    use std::sync::Arc;

    /// What threads wait at until another has changed something.
    #[derive(Debug, Default)]
    pub struct Condvar(parking_lot::Condvar);

    impl Condvar {
        /// Lets go of the lock, waits to be woken, and takes it again.
        pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(&mut guard);
            guard
        }

        /// Wakes all that wait.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// The newest of something that never changes: taken without a lock, replaced whole.
    #[derive(Debug)]
    pub struct Newest<T>(arc_swap::ArcSwap<T>);

    impl<T> Newest<T> {
        /// The first.
        pub fn new(first: T) -> Newest<T> {
            Newest(arc_swap::ArcSwap::from_pointee(first))
        }

        /// The newest; it stays as long as it is held.
        pub fn get(&self) -> Arc<T> {
            self.0.load_full()
        }

        /// Puts another in its place, for all who come from now on.
        pub fn set(&self, next: T) {
            self.0.store(Arc::new(next));
        }
    }
}

#[cfg(nave_shuttle)]
mod scheduled {
    use shuttle::sync::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
    use std::sync::{Arc, PoisonError, TryLockError};

    /// A lock; a panic elsewhere does not poison it.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A lock around a value.
        pub fn new(value: T) -> Mutex<T> {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Takes the lock if it is free.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }
    }

    /// A lock of many readers or one writer.
    #[derive(Debug, Default)]
    pub struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// A lock around a value.
        pub fn new(value: T) -> RwLock<T> {
            RwLock(shuttle::sync::RwLock::new(value))
        }

        /// Waits until nobody writes.
        pub fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        /// Waits until nobody reads or writes.
        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// What threads wait at until another has changed something.
    #[derive(Debug, Default)]
    pub struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        /// Lets go of the lock, waits to be woken, and takes it again.
        pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
        }

        /// Wakes all that wait.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// The newest of something that never changes. The lock stands for the swap of a pointer: others run before and
    /// after it, never within.
    #[derive(Debug)]
    pub struct Newest<T>(Mutex<Arc<T>>);

    impl<T> Newest<T> {
        /// The first.
        pub fn new(first: T) -> Newest<T> {
            Newest(Mutex::new(Arc::new(first)))
        }

        /// The newest; it stays as long as it is held.
        pub fn get(&self) -> Arc<T> {
            Arc::clone(&self.0.lock())
        }

        /// Puts another in its place, for all who come from now on.
        pub fn set(&self, next: T) {
            *self.0.lock() = Arc::new(next);
        }
    }
}
