// Replay the golden vectors through the C interface, the CMSSW class and the Athena-style tool; time one event per call.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "AnomalyScoreTool.h"
#include "hls4ml_model.h"
#include "l1ad_emulator.h"

extern "C" hls4mlEmulator::Model* create_model();
extern "C" void destroy_model(hls4mlEmulator::Model*);

static std::vector<int64_t> read(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    std::exit(2);
  }
  return {std::istream_iterator<int64_t>(file), std::istream_iterator<int64_t>()};
}

static long differing = 0;
static void compare(const char* what, size_t event, int64_t wanted, int64_t got) {
  if (wanted == got) return;
  if (differing++ < 5)
    std::fprintf(stderr, "%s differs at event %zu: wanted %lld, got %lld\n", what, event, (long long)wanted, (long long)got);
}

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : ".";
  const std::vector<int64_t> inputs = read(folder + "/golden_inputs.txt"), wanted = read(folder + "/golden_scores.txt");
  const size_t columns = l1ad_columns(), fields = 1 + l1ad_thresholds(), n = inputs.size() / columns;
  if (n == 0 || inputs.size() != n * columns || wanted.size() != n * fields) {
    std::fprintf(stderr, "the golden vectors do not fit this emulator: %zu inputs, %zu results\n", inputs.size(), wanted.size());
    return 2;
  }
  const std::vector<int32_t> x(inputs.begin(), inputs.end());
  std::vector<int64_t> scores(n);
  std::vector<uint64_t> bits(n);
  if (l1ad_score32(x.data(), (int64_t)n, scores.data(), bits.data(), 0) != 0) {
    std::fprintf(stderr, "a golden input is outside its hardware range\n");
    return 1;
  }
  hls4mlEmulator::Model* model = create_model();
  const l1ad::AnomalyScoreTool tool;
  tool.check(l1ad_digest(), l1ad_layout());
  for (size_t i = 0; i < n; ++i) {
    compare("score", i, wanted[i * fields], scores[i]);
    for (size_t t = 0; t + 1 < fields; ++t) compare("trigger bit", i, wanted[i * fields + 1 + t], (bits[i] >> t) & 1u);
    int64_t single = 0;
    model->prepare_input(x.data() + i * columns);
    model->predict();
    model->read_result(&single);
    compare("score of the CMSSW class", i, wanted[i * fields], single);
    const std::vector<int32_t> event(x.begin() + i * columns, x.begin() + (i + 1) * columns);
    compare("score of the Athena tool", i, wanted[i * fields], tool.score(event).score);
  }
  destroy_model(model);
  const auto began = std::chrono::steady_clock::now();
  const size_t calls = 100000;
  for (size_t i = 0; i < calls; ++i) l1ad_score32(x.data() + (i % n) * columns, 1, scores.data(), bits.data(), 1);
  const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / calls;
  std::printf("%s %s, digest %.12s, variant %s: %zu events, %ld differences, %.0f ns a call\n", l1ad_network(), l1ad_version(),
              l1ad_digest(), l1ad_variant(), n, differing, ns);
  return differing != 0;
}
