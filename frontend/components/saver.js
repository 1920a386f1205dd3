// Hands a file that the page fetched to the browser's download, once.

const saved = new Set();

/** @param {{ data: { id: string, content: string, type: string, name: string } | null }} data */
export default function ({ data }) {
  if (!data || saved.has(data.id)) return;
  saved.add(data.id);
  const bytes = Uint8Array.from(atob(data.content), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: data.type }));
  link.download = data.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
