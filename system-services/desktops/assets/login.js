// Counts the seconds that a login has to wait.
const problem = document.querySelector(".problem");
const button = document.querySelector("form .main");
let left = Number(problem?.dataset.wait ?? 0);
if (left > 0 && button) {
  const words = problem.textContent;
  const first = String(left);
  button.disabled = true;
  const timer = setInterval(() => {
    left -= 1;
    problem.textContent = words.replace(first, String(Math.max(left, 0)));
    if (left <= 0) {
      clearInterval(timer);
      button.disabled = false;
      problem.hidden = true;
    }
  }, 1000);
}
