// Shows how far the clip is, and sends it once however often the button is pressed. Without this script the same form is
// sent by the browser itself.

const form = document.querySelector("[data-upload]");
const shown = document.querySelector("[data-sending]");
const bar = shown?.querySelector("progress");
const words = shown?.querySelector("span");
const told = document.querySelector("[data-told]");
const broken = document.querySelector("[data-broken]");
const big = document.querySelector("[data-big]");
const file = form?.querySelector("input[type=file]");
if (form instanceof HTMLFormElement && shown instanceof HTMLElement && bar && words && told instanceof HTMLElement &&
	broken instanceof HTMLElement && big instanceof HTMLElement && file instanceof HTMLInputElement) {
	let sending = false;
	const title = document.title;
	const about = file.getAttribute("aria-describedby") ?? "";
	const leaving = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
	const fits = () => {
		big.hidden = (file.files?.[0]?.size ?? 0) <= Number(form.dataset.most);
		if (big.hidden) file.removeAttribute("aria-invalid");
		else file.setAttribute("aria-invalid", "true");
		file.setAttribute("aria-describedby", big.hidden ? about : about + " " + big.id);
		return big.hidden;
	};
	file.addEventListener("change", fits);
	form.addEventListener("submit", event => {
		event.preventDefault();
		if (sending) return;
		if (!fits()) {
			file.focus();
			return;
		}
		sending = true;
		addEventListener("beforeunload", leaving);
		bar.removeAttribute("value");
		words.textContent = told.textContent = "";
		shown.hidden = false;
		broken.hidden = true;
		let quarter = 0;
		const end = () => {
			removeEventListener("beforeunload", leaving);
			document.title = title;
			shown.hidden = true;
			told.textContent = "";
			sending = false;
		};
		const request = new XMLHttpRequest();
		request.open("POST", form.action);
		request.setRequestHeader("Accept", "text/html");
		request.upload.addEventListener("progress", sent => {
			if (!sent.lengthComputable) return;
			const part = sent.loaded / sent.total;
			const percent = Math.floor(100 * part) + " %";
			bar.value = part;
			words.textContent = part < 1 ? percent : told.dataset.told ?? "";
			document.title = percent + " · " + title;
			if (Math.floor(4 * part) > quarter) {
				quarter = Math.floor(4 * part);
				told.textContent = part < 1 ? 25 * quarter + " %" : words.textContent;
			}
		});
		request.addEventListener("load", () => {
			end();
			if (request.status < 400 && request.responseURL) {
				location.assign(request.responseURL);
				return;
			}
			// What is to be corrected stands above the form, which keeps the file that was chosen.
			const page = new DOMParser().parseFromString(request.responseText, "text/html");
			const found = page.querySelector(".summary, .error-page");
			document.querySelector(".summary, .error-page")?.remove();
			broken.hidden = found instanceof HTMLElement;
			if (!(found instanceof HTMLElement)) return;
			for (const fresh of page.querySelectorAll("[data-upload] .field")) {
				const id = fresh.querySelector("input, textarea")?.id ?? "";
				if (id !== file.id) document.getElementById(id)?.closest(".field")?.replaceWith(fresh);
			}
			document.title = page.title;
			form.before(found);
			found.tabIndex = -1;
			found.focus();
		});
		request.addEventListener("error", () => {
			end();
			broken.hidden = false;
		});
		request.send(new FormData(form));
	});
}
