// Rules for the page's JavaScript: mistakes, not layout.

const BROWSER = [
  ...["document", "window", "Image", "Node", "URL", "Blob", "CustomEvent", "MutationObserver", "matchMedia", "atob", "performance", "fetch"],
  ...["requestAnimationFrame", "cancelAnimationFrame", "setTimeout", "clearTimeout", "getComputedStyle"],
];

export default [
  { ignores: [".venv/", "node_modules/", "build/", "dist/", ".diswm/", "tests/support/axe/"] },
  {
    files: ["**/*.js", "**/*.mjs"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: Object.fromEntries(BROWSER.map((name) => [name, "readonly"])) },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-shadow": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-duplicate-imports": "error",
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "no-unreachable": "error",
      "no-dupe-keys": "error",
      "no-fallthrough": "error",
      "no-self-compare": "error",
      "no-implicit-globals": "error",
      "no-restricted-globals": ["error", "event", "name", "length", "status", "top", "parent"],
      "no-restricted-properties": ["error", { property: "innerHTML", message: "Text from people goes in as textContent." }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "max-len": ["error", { code: 160, ignoreTemplateLiterals: false }],
      complexity: ["error", 18],
      "max-lines": ["error", { max: 450 }],
    },
  },
];
