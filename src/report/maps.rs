//! Maps of the resources of an account, by ARN.

use foldhash::fast::RandomState;

/// A map whose hashes take a third of the time of those of std, and are seeded at random as they are.
pub(super) type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;

/// A set with the hashes of [`HashMap`].
pub(super) type HashSet<T> = std::collections::HashSet<T, RandomState>;
