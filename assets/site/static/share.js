// The phone's own list of ways to share, where there is one; and a copy, where the browser lets us.

/** Arranges the buttons of the page, or of a part that has just come into it. */
export function share() {
	const ways = document.querySelector("[data-share]");
	if (ways instanceof HTMLElement && "share" in navigator && ways.hidden) {
		ways.hidden = false;
		ways.addEventListener("click", () => {
			navigator.share({title: ways.dataset.title, url: ways.dataset.share}).catch(() => {}); // they changed their mind
		});
	}
	const address = document.querySelector("#address");
	const copy = document.querySelector("[data-copy]");
	const copied = document.querySelector("[data-copied]");
	if (!(address instanceof HTMLInputElement && copy instanceof HTMLElement && copied instanceof HTMLElement)) return;
	address.onfocus = () => address.select();
	if (!copy.hidden || !navigator.clipboard) return; // there is none on plain http
	copy.hidden = false;
	copy.addEventListener("click", async () => {
		await navigator.clipboard.writeText(address.value);
		copied.hidden = false;
	});
}
