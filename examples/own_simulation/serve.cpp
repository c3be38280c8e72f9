//     bank [ADDRESS]
#include "sdk/serve/serve.h"
#include "bank.h"

int main(int argc, char** argv) {
  return perdure::sdk::serve(bank::services(), {.address = argc > 1 ? argv[1] : "0.0.0.0:9080"});
}
