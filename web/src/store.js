// The last recording and what was made of it, kept in this browser so that a reload loses nothing.

const NAME = 'nhv', STORE = 'kept', KEY = 'last';

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function transact(mode, work) {
  const base = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = base.transaction(STORE, mode), request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    base.close();
  }
}

/** { name, blob, knobs, sung }, or undefined where nothing is kept or the browser keeps nothing. */
export async function kept() {
  try {
    return await transact('readonly', (store) => store.get(KEY));
  } catch {
    return undefined;
  }
}

/** Keep; returns whether the browser did. */
export async function keep(what) {
  try {
    await transact('readwrite', (store) => store.put(what, KEY));
    return true;
  } catch {
    return false;
  }
}

export async function forget() {
  try {
    await transact('readwrite', (store) => store.delete(KEY));
  } catch {
    // Where nothing could be kept there is nothing to forget.
  }
}
