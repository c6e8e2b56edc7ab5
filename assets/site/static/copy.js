// Arranges the button that copies an address: not on plain http.
export function copy() {
	const address = document.querySelector("#address"), button = document.querySelector("[data-copy]");
	if (!(address instanceof HTMLInputElement && button instanceof HTMLElement)) return;
	address.onfocus = () => address.select();
	button.hidden = !navigator.clipboard;
	button.onclick = async () => {
		await navigator.clipboard.writeText(address.value);
		document.querySelector("[data-copied]")?.removeAttribute("hidden");
	};
}
copy();
