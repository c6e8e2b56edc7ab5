// What this browser remembers of an upload that has begun. Neither a file's name nor its date tells files apart, because
// phones change both.

/**
 * @typedef {{id: string, size: number, name: string, sum: string, start: number, title: string, description: string}}
 *   Memory
 */

const sample = 64 << 10; // bytes

/** Returns a checksum of a file's beginning, middle and end, on plain http, too. @param {File} file */
export async function sumOf(file) {
	let a = 0xdeadbeef, b = 0x41c6ce57;
	for (const offset of [0, Math.max(0, (file.size - sample) >>> 1), Math.max(0, file.size - sample)]) {
		for (const byte of new Uint8Array(await file.slice(offset, offset + sample).arrayBuffer())) {
			a = Math.imul(a ^ byte, 2654435761);
			b = Math.imul(b ^ byte, 1597334677);
		}
	}
	return a + "," + b;
}

/** @param {string} account @returns {Memory | null} */
export function remembered(account) {
	try {
		return JSON.parse(localStorage.getItem("upload " + account) ?? "null");
	} catch {
		return null; // the browser keeps nothing
	}
}

/** @param {string} account @param {Memory | null} memory null: forget */
export function remember(account, memory) {
	try {
		if (memory) localStorage.setItem("upload " + account, JSON.stringify(memory));
		else localStorage.removeItem("upload " + account);
	} catch {
		// Then a reload begins anew.
	}
}

/**
 * Calls first once no other tab sends for this account, and other while one does. Without locks, as on plain http, tabs
 * ask each other: then first is never called after other.
 * @param {string} account
 * @param {() => void} first
 * @param {() => void} other
 * @returns {() => void} lets another tab send
 */
export function alone(account, first, other) {
	const name = "upload " + account;
	let release = () => {};
	if ("locks" in navigator) {
		const {locks} = navigator;
		const hold = () => {
			first();
			return new Promise(done => { release = () => done(undefined); });
		};
		locks.request(name, {ifAvailable: true}, lock => {
			if (lock) return hold();
			other();
			locks.request(name, hold);
		});
		return () => release();
	}
	const channel = new BroadcastChannel(name);
	let mine = false;
	const timer = setTimeout(() => {
		mine = true;
		first();
	}, 300);
	channel.addEventListener("message", event => {
		if (event.data === "who" && mine) {
			channel.postMessage("I");
		} else if (event.data === "I" && !mine) {
			clearTimeout(timer);
			other();
		}
	});
	channel.postMessage("who");
	return () => channel.close();
}
